"""python -m stzsar.benchmarks.archive_search: seconds to the first moments of archives of any size.

The archives hold random scenes: frames of a scene are alike, as in a video. What they show does not
enter into the time. Beside the search: a scan of all embeddings with NumPy, the nearest frames in
plain lancedb, and what a replay of recordings would take.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..runtime.archive.search.nearest import build_index, nearest, recall
from ..runtime.archive.search.opening import open_tables
from ..runtime.archive.search.questions import SearchOptions, search
from ..runtime.archive.store.columns import EMBEDDING, bundle_id, columns_of
from ..runtime.archive.store.schema import FORMAT
from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.bundle.manifest import PATCH_EMBEDDINGS
from ..runtime.engines.graph import Array
from ..runtime.errors import StzsarError
from ..runtime.recordings.recorder import BREAK, ENCODED, Recorder
from ..runtime.recordings.replay import Replay
from .tools.command import benchmark, count_option, plot_option, threads_option
from .tools.plotting import check_plot, new_figure, save
from .tools.processes import peak_mib
from .tools.tables import DASH, markdown, number
from .tools.timing import machine

_LABELS = ("white ring jumping", "blue circle falling", "red heart moving left")
_HOUR_S, _STRETCH, _SCENE = 3600, 600, 12
_PIECE_H = 10  # hours that are written at once, at one frame a second


@dataclass(frozen=True, kw_only=True)
class Options:
    hours: tuple[int, ...] = (1, 100)
    patches: int = 2  # of a frame
    rounds: int = 5
    index_from: int = 100  # hours of the smallest archive that gets an index
    threads: int = 2
    plot: Path | None = None

    def __post_init__(self) -> None:
        if any(hours > _PIECE_H and hours % _PIECE_H for hours in self.hours):
            raise StzsarError(f"--hours above {_PIECE_H} are multiples of it: round them.")
        check_plot(self.plot)


@dataclass(frozen=True, kw_only=True)
class Measured:
    hours: int
    build_s: float | None  # of the index
    search_s: float
    recall: float | None
    lancedb_s: float
    numpy_s: float
    replay_s: float
    peak_mib: float | None


@benchmark(usual=Options(), quick=Options(hours=(1,), rounds=1))
@count_option("--hours", "1, 100", "Make an archive of N hours (repeatable).", multiple=True)
@count_option("--patches", Options.patches, "Keep N patches of each frame.")
@count_option("--rounds", Options.rounds, "Ask N times.")
@count_option("--index-from", Options.index_from, "Index archives of N hours and more.")
@threads_option(Options.threads)
@plot_option
def main(options: Options) -> None:
    """Write archives of random frames, search them, and print a Markdown table."""
    rows: list[Measured] = []
    replay_s = replayed(options)
    for hours in options.hours:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(options, Path(folder), hours, replay_s))
    click.echo(table(rows))
    click.echo(
        f"\nOne frame a second, {options.patches} patches of each, embeddings of "
        f"{_dim(Bundle.open(shipped_bundle()))}, {len(_LABELS)} labels, the best 20 moments, "
        f"{options.threads} threads, the median of {options.rounds} searches on {machine()}."
    )
    if options.plot:
        draw(rows, options.plot)


def measured(options: Options, folder: Path, hours: int, replay_s: float) -> Measured:
    bundle = Bundle.open(shipped_bundle())
    archive = folder / "archive"
    flat = folder / "embeddings.f16"
    write(archive, flat, bundle, hours, options.patches)
    frames = open_tables(archive, {})("frames")
    build_s = seconds(lambda: build_index(frames)) if hours >= options.index_from else None
    asked = SearchOptions(
        archive=archive, labels=_LABELS, bundle=bundle.path, threads=options.threads
    )

    def median(task: Callable[[], object]) -> float:
        return float(np.median([seconds(task) for _ in range(options.rounds)]))

    search_s = median(lambda: search(asked))
    peak = peak_mib(_own_pid())
    query = np.random.default_rng(1).standard_normal(_dim(bundle), np.float32)
    columns = ("video", "frame")
    return Measured(
        hours=hours,
        build_s=build_s,
        search_s=search_s,
        recall=recall(frames),
        lancedb_s=median(lambda: nearest(frames, query, 20, columns=columns, exact=True)),
        numpy_s=median(lambda: scan(flat, query)),
        replay_s=replay_s * hours,
        peak_mib=peak,
    )


def scan(flat: Path, query: Array, count: int = 20) -> Array:
    """Return the places of the nearest rows in a file of fp16 rows, read in pieces."""
    rows = np.memmap(flat, np.float16, "r").reshape(-1, len(query))
    best: Array = np.zeros((0, 2))
    for start in range(0, len(rows), 1 << 16):
        piece = rows[start : start + (1 << 16)].astype(np.float32)
        cosines = piece @ query / np.linalg.norm(piece, axis=1)
        top = np.argpartition(-cosines, min(count, len(cosines) - 1))[:count]
        best = np.concatenate([best, np.stack([cosines[top], start + top], 1)])
        best = best[np.argsort(-best[:, 0])[:count]]
    return best[:, 1]


def write(archive: Path, flat: Path, bundle: Bundle, hours: int, patches: int) -> None:
    """Write an archive of one stream for each ten hours, and its embeddings as a plain file."""
    import lancedb
    import pyarrow as pa

    database = lancedb.connect(str(archive))
    id_, dim = bundle_id(bundle.manifest), _dim(bundle)
    known = {
        "bundle": [id_],
        "format": [FORMAT],
        "name": [bundle.manifest.name],
        "rate_fps": [1.0],
        "dim": [dim],
    }
    database.create_table(
        "bundles", pa.table({**known, "frames": [bundle.manifest.sampling.frames]})
    )
    tables: dict[str, Any] = {}

    def put(name: str, columns: dict[str, Any]) -> None:
        rows = pa.table(columns)
        if name in tables:
            tables[name].add(rows)
        else:
            tables[name] = database.create_table(name, rows)

    with flat.open("wb") as file:
        for number_, values in enumerate(pieces(bundle, hours, patches)):
            count, stream = len(values[EMBEDDING]), f"camera {number_}"
            values[EMBEDDING].tofile(file)
            starts = range(0, count, _STRETCH)
            at = np.arange(count)
            put(
                "frames",
                {
                    "stream": [stream] * count,
                    "video": [stream] * count,
                    "stretch": [f"{number_}-{one // _STRETCH}" for one in at],
                    "attempt": [f"{number_}-{one // _STRETCH}" for one in at],
                    "frame": at,
                    "time_s": at.astype(np.float64),
                    "clock": 1.79e9 + at,
                    "rate_fps": np.ones(count, np.float32),
                    "flags": (ENCODED | BREAK * (at == 0)).astype(np.uint8),
                    "bundle": [id_] * count,
                    **{name: _lists(pa, value) for name, value in values.items()},
                },
            )
            names = [f"{number_}-{one // _STRETCH}" for one in starts]
            put(
                "stretches",
                {
                    "stretch": names,
                    "attempt": names,
                    "video": [stream] * len(names),
                    "stream": [stream] * len(names),
                    "bundle": [id_] * len(names),
                    "first_s": [float(one) for one in starts],
                    "last_s": [float(min(one + _STRETCH, count) - 1) for one in starts],
                    "rows": [min(_STRETCH, count - one) for one in starts],
                },
            )
            put("videos", {"video": [stream], "path": pa.array([None], pa.string())})


def pieces(bundle: Bundle, hours: int, patches: int) -> Iterator[dict[str, Array]]:
    """Yield the columns of ten hours each, of unit length in fp16."""
    rng, dim = np.random.default_rng(0), _dim(bundle)
    for start in range(0, hours, _PIECE_H):
        count = min(_PIECE_H, hours - start) * _HOUR_S
        scenes = rng.standard_normal((count // _SCENE, dim), np.float32)
        base = np.repeat(scenes, _SCENE, 0)

        def near(*shape: int, base: Array = base) -> Array:
            value = base.reshape(len(base), *[1] * (len(shape) - 1), dim)
            value = value + 0.5 * rng.standard_normal((len(base), *shape), np.float32)
            return (value / np.linalg.norm(value, axis=-1, keepdims=True)).astype(np.float16)

        yield {
            column: near(patches, dim) if name == PATCH_EMBEDDINGS else near(dim)
            for name, column in columns_of(bundle.manifest).items()
        }


def replayed(options: Options) -> float:
    """Return the seconds that a replay of an hour takes."""
    bundle = Bundle.open(shipped_bundle())
    manifest, labels = bundle.manifest, len(bundle.bank.labels)
    values = next(pieces(bundle, 1, options.patches))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.rec"
        recorder = Recorder(
            path, bundle, bundle.bank, features=True, patches=None, rate_fps=1.0, patient=True
        )
        zeros = {name: np.zeros(labels, np.float32) for name in manifest.label_states}
        for row in range(_HOUR_S):
            frame = {name: values[at][row] for name, at in columns_of(manifest).items()}
            recorder.add("camera", {**frame, **zeros}, float(row))
        recorder.close(600)
        return seconds(lambda: list(Replay(path, bundle, _LABELS, threads=options.threads)))


def seconds(task: Callable[[], object]) -> float:
    start_s = time.perf_counter()
    task()
    return time.perf_counter() - start_s


def table(rows: list[Measured]) -> str:
    return markdown(
        ("hours", "frames", "search, s", "recall", "lancedb, frames alone, s", "NumPy scan, s",
         "replay, s", "index built in, s", "peak MiB"),
        [
            (
                one.hours, one.hours * _HOUR_S, number(one.search_s),
                DASH if one.recall is None else f"{one.recall:.3f}", number(one.lancedb_s),
                number(one.numpy_s), number(one.replay_s), number(one.build_s),
                number(one.peak_mib),
            )
            for one in rows
        ],
    )  # fmt: skip


def draw(rows: list[Measured], path: Path) -> None:
    figure = new_figure(6, 3.6)
    axes = figure.add_subplot()
    hours = [one.hours for one in rows]
    for name, values in (
        ("search", [one.search_s for one in rows]),
        ("lancedb, frames alone", [one.lancedb_s for one in rows]),
        ("NumPy scan", [one.numpy_s for one in rows]),
        ("replay", [one.replay_s for one in rows]),
    ):
        axes.plot(hours, values, marker="o", label=name)
    axes.axhline(2, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="hours at one frame a second", ylabel="seconds")
    axes.legend(frameon=False)
    save(figure, path)


def _dim(bundle: Bundle) -> int:
    return bundle.bank.class_embeddings.shape[1]


def _lists(pa: Any, value: Array) -> Any:
    flat = value.reshape(len(value), -1)
    return pa.FixedSizeListArray.from_arrays(flat.reshape(-1), flat.shape[1])


def _own_pid() -> int:
    import os

    return os.getpid()


if __name__ == "__main__":
    main()
