"""python -m stzsar.benchmarks.decoders."""

from .cli import main

main()
