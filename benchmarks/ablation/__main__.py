"""python -m stzsar.benchmarks.ablation."""

from .cli import main

if __name__ == "__main__":
    main()
