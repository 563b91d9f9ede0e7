"""Other systems beside this one, each in an environment of its own, timed in one run."""
