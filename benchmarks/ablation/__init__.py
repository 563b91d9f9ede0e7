"""A study in the checkout only: the value of each part of the method, trained on MovingShapes."""
