"""What benchmarks share: options, tables, pictures, timing, processes; measures nothing itself."""
