"""Data, losses and the loop that makes a checkpoint."""
