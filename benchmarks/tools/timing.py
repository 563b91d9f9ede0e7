"""Interleaved measurement: everything that is compared has a turn in every round."""

import contextlib
import os
import platform
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from ...runtime.engines.graph import Array, Graph
from ...runtime.engines.opening import open_graph

T = TypeVar("T")

_LABELS = 4
_WARM_UPS = 3


def in_turn(
    tasks: Sequence[Callable[[], T]],
    rounds: int,
    *,
    after_each: Callable[[], object] = lambda: None,
) -> list[list[T]]:
    """Return what each task returned in each round, [rounds][tasks].

    Tasks run in a new order each round, so that noise meets all of them.
    """
    shuffle = random.Random(0).shuffle
    order, results = list(range(len(tasks))), []
    for _ in range(rounds):
        shuffle(order)
        found: dict[int, T] = {}
        for place in order:
            found[place] = tasks[place]()
            after_each()
        results.append([found[place] for place in range(len(tasks))])
    return results


def milliseconds(run: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start_s)


def time_frame_graphs(
    graphs: Sequence[Path],
    rounds: int,
    *,
    threads: int,
    after_each: Callable[[], object] = lambda: None,
) -> Array:
    """Return the milliseconds [rounds, graphs] of one frame in each ONNX frame graph."""
    runs = [_one_frame(open_graph(p, threads=threads, engine="onnxruntime")) for p in graphs]
    for run in runs * _WARM_UPS:
        run()
    timed = [lambda run=run: milliseconds(run) for run in runs]
    return np.asarray(in_turn(timed, rounds, after_each=after_each))


def _one_frame(graph: Graph) -> Callable[[], object]:
    """Return a run of the graph on a frame of noise and a bank too small to matter."""
    side, dim = graph.sizes["frames"][1] or 0, graph.sizes["class_embeddings"][1] or 0
    frame = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    words = np.random.default_rng(1).standard_normal((_LABELS, 1, dim), dtype=np.float32)
    words /= np.linalg.norm(words, axis=-1, keepdims=True)
    feeds = {
        "frames": frame,
        "class_embeddings": words[:, 0],
        "attribute_embeddings": words,
        "attribute_mask": np.ones((_LABELS, 1), bool),
    }
    return lambda: graph(feeds)


def machine() -> str:
    """Return the processor's name and its number of cores."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"
