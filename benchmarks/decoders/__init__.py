"""A study in the checkout only: libraries that decode video, their speed and their mistakes."""
