"""Sensors of a machine, one file for each kind; no file here knows what is measured with them."""
