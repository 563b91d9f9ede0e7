"""Clips as training batches: reading, augmentation, broken files, MovingShapes."""
