"""Draws on pictures: text, scores, heat maps; opens, shows and writes nothing."""
