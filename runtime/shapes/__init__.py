"""MovingShapes: generated pictures of things that move, for training and for trying out."""
