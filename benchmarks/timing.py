"""What the benchmarks share: frame graphs timed in turn, their options, and the machine's name."""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cloup
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..runtime.engines.graph import Array, Graph
from ..runtime.engines.opening import open_graph
from ..runtime.terminal.commandline import console

_LABELS = 4
_WARM_UP = 3

ROUNDS, QUICK_ROUNDS = 30, 2

rounds_option = cloup.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Frames that each graph is timed on, one of each in turn (default: {ROUNDS}; "
    f"{QUICK_ROUNDS} with --quick).",
)
quick_option = cloup.option(
    "--quick",
    is_flag=True,
    help="The same on as little as there can be, in seconds: it shows that all of it works, and "
    "its numbers say nothing.",
)
plot_option = cloup.option(
    "--plot", metavar="FILE.png", type=click.Path(path_type=Path), help="Draw it as a picture too."
)
threads_option = cloup.option(
    "--threads",
    metavar="N",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Threads of ONNX Runtime.",
)


def rounds_of(rounds: int | None, *, quick: bool) -> int:
    """Return how many rounds were asked for, or are usual."""
    return rounds or (QUICK_ROUNDS if quick else ROUNDS)


def time_in_turn(
    graphs: Sequence[Path], *, rounds: int, threads: int, advance: Callable[[], None] = lambda: None
) -> Array:
    """Return the milliseconds [rounds, graphs] that one frame takes in each frame graph.

    One after the other within a round, so that a busy moment of the machine meets all of them.

    Args:
        graphs: the ONNX files.
        rounds: how many frames each gets.
        threads: of ONNX Runtime.
        advance: called after each round.
    """
    opened = [open_graph(path, threads=threads, engine="onnxruntime") for path in graphs]
    feeds = [_feeds(graph) for graph in opened]
    taken = np.zeros((rounds, len(graphs)))
    for index in range(-_WARM_UP, rounds):
        for place, (graph, feed) in enumerate(zip(opened, feeds, strict=True)):
            start = time.perf_counter()
            graph(feed)
            if index >= 0:
                taken[index, place] = 1000 * (time.perf_counter() - start)
        if index >= 0:
            advance()
    return taken


def _feeds(graph: Graph) -> dict[str, Array]:
    """Return one frame of noise, and a bank so small that it weighs next to nothing."""
    side, dim = graph.sizes["frames"][1] or 0, graph.sizes["class_embeddings"][1] or 0
    frame = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    words = np.random.default_rng(1).standard_normal((_LABELS, 1, dim), dtype=np.float32)
    words /= np.linalg.norm(words, axis=-1, keepdims=True)
    return {
        "frames": frame,
        "class_embeddings": words[:, 0],
        "attribute_embeddings": words,
        "attribute_mask": np.ones((_LABELS, 1), bool),
    }


def machine() -> str:
    """Return the processor's name and how many cores of it there are."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def progress_bar() -> Progress:
    """Return a bar that is gone at its end, and shown on a terminal only."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
