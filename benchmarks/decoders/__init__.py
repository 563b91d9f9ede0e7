"""Libraries that decode video: which are fast, and which give the right frames."""
