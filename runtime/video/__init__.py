"""Video: decode and encode files and network streams. Nothing here knows feeds or results."""
