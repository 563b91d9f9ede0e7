"""python -m stzsar.benchmarks.figures."""

from .cli import main

if __name__ == "__main__":
    main()
