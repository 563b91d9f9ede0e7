"""stzsar-run and stzsar-doctor: options, what they open, and how a run ends. No algorithm."""
