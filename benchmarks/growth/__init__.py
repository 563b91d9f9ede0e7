"""A study in the checkout only: how the time of a decision grows."""
