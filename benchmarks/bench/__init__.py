"""stzsar-bench, and what other benchmarks share of it; nothing here imports a study."""
