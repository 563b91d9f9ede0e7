"""Training, from clips to a checkpoint, and its test. Nothing here exports or streams."""
