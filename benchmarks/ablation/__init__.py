"""What each part of the method is worth, trained anew on MovingShapes."""
