"""Tests checkpoints and bundles on labelled clips by published protocols; trains nothing."""
