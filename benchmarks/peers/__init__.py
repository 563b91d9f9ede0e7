"""A study in the checkout only: this project beside others, each in its own environment."""
