"""python -m stzsar.benchmarks.peers: other systems beside this one, in one run."""

from .cli import main

if __name__ == "__main__":
    main()
