"""Measurements: stzsar-bench, single files and studies; no stage of the product imports them."""
