"""MovingShapes: generated pictures of moving things. Nothing here reads a real video."""
