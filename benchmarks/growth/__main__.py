"""python -m stzsar.benchmarks.growth."""

from .cli import main

if __name__ == "__main__":
    main()
