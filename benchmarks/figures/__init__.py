"""make figures: measures the tables of the docs again, one after the other."""
