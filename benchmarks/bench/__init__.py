"""stzsar-bench: what a device can do with a bundle."""
