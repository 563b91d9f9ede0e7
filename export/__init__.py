"""Checkpoint to bundle: tracing, precision, parity, engines; nothing that a device needs."""
