"""Clips as training batches: reading, augmentation, MovingShapes. No networks and no options."""
