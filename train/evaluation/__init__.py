"""Tests of checkpoints and bundles on labelled clips, by the protocols that papers report."""
