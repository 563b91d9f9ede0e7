"""Graphs bound to labels: frames to states, states to scores. Knows neither time nor streams."""
