"""Teaches a detector by a few examples and ordinary footage. No video, no graphs, no options."""
