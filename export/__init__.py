"""Checkpoint to bundle: tracing, precision, parity."""
