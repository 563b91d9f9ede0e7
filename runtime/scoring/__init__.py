"""Graphs bound to labels: frames to states, windows to results. No streams and no policies."""
