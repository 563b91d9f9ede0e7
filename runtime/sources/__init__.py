"""Sources: where frames come from, and how users name them. Nothing here scores a frame."""
