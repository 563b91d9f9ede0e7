"""stzsar-train as the tests call it."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from stzsar.train.cli import main

SMALL_RUN = ["--batch", "6", "--steps", "26", "--checkpoint-every", "3", "--warmup-steps", "2"]
# Longer than anybody waits, without the rehearsals that a long run starts with.
LONG_RUN = [*SMALL_RUN, "--steps", "2000", "--bias-steps", "0"]
OVER_FILES = ["--data", "clips", "--backbone", "small", "--steps", "2", "--batch", "2"]


def train(*options: str) -> Result:
    """Runs it in this process, and loads clips there too."""
    return CliRunner().invoke(
        main, [*options, "--workers", "0"] if "--resume" not in options else options
    )


def losses(run: Path) -> list[tuple[int, float]]:
    """The step and loss of every complete line of a run's metrics."""
    lines = (run / "metrics.jsonl").read_text().split("\n")[:-1]
    return [(row["step"], row["loss"]) for row in map(json.loads, lines)]
