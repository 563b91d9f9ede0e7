"""Small archives, written as the format says, and recordings of the very same rows."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from stzsar.runtime.archive.store.columns import bundle_id, columns_of
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.bundle.manifest import PATCH_EMBEDDINGS
from stzsar.runtime.recordings.recorder import BREAK, ENCODED, Recorder

Frames = Mapping[str, np.ndarray]


class Writer:
    """An archive of stretches of a few frames."""

    def __init__(self, folder: Path, bundle: Bundle, *, stretch: int = 10) -> None:
        self.folder, self.stretch = folder, stretch
        self.database = lancedb.connect(str(folder))
        self.use(bundle)

    def use(self, bundle: Bundle) -> None:
        self.bundle, self.id = bundle, bundle_id(bundle.manifest)
        sampling = bundle.manifest.sampling
        self._put(
            "bundles",
            pa.table(
                {
                    "bundle": [self.id],
                    "format": [1],
                    "name": [bundle.manifest.name],
                    "frames": [sampling.frames],
                    "rate_fps": [sampling.rate_fps],
                    "dim": [bundle.bank.class_embeddings.shape[1]],
                }
            ),
        )

    def add(
        self,
        stream: str,
        values: Frames,
        *,
        clock: float | None = None,
        breaks: Sequence[int] = (0,),
        committed: bool = True,
    ) -> None:
        """Add all frames of a video, at the bundle's rate; `clock` is that of the first one."""
        count, fps = len(next(iter(values.values()))), self.bundle.manifest.sampling.rate_fps
        for start in range(0, count, self.stretch):
            rows = range(start, min(start + self.stretch, count))
            attempt = f"{stream}/{start}" + ("" if committed else "/lost")
            self._put("frames", self._frames(stream, attempt, rows, values, clock, breaks))
            if committed:
                self._put(
                    "stretches",
                    pa.table(
                        {
                            "stretch": [f"{stream}-{start}"],
                            "attempt": [attempt],
                            "video": [f"id of {stream}"],
                            "stream": [stream],
                            "bundle": [self.id],
                            "first_s": [rows[0] / fps],
                            "last_s": [rows[-1] / fps],
                            "rows": [len(rows)],
                        }
                    ),
                )
        path = pa.array([None if clock else stream], pa.string())
        self._put("videos", pa.table({"video": [f"id of {stream}"], "path": path}))

    def _frames(self, stream, attempt, rows, values, clock, breaks):
        fps, count = self.bundle.manifest.sampling.rate_fps, len(rows)
        flags = [ENCODED | BREAK * (row in breaks) for row in rows]
        clocks = [None if clock is None else clock + row / fps for row in rows]
        columns = {
            "stream": pa.array([stream] * count),
            "video": pa.array([f"id of {stream}"] * count),
            "stretch": pa.array([f"{stream}-{rows[0]}"] * count),
            "attempt": pa.array([attempt] * count),
            "frame": pa.array(list(rows), pa.int64()),
            "time_s": pa.array([row / fps for row in rows], pa.float64()),
            "clock": pa.array(clocks, pa.float64()),
            "rate_fps": pa.array([fps] * count, pa.float32()),
            "flags": pa.array(flags, pa.uint8()),
            "bundle": pa.array([self.id] * count),
        }
        for name, column in columns_of(self.bundle.manifest).items():
            flat = values[name][rows.start : rows.stop].reshape(count, -1).astype(np.float16)
            columns[column] = pa.FixedSizeListArray.from_arrays(flat.reshape(-1), flat.shape[1])
        return pa.table(columns)

    def _put(self, name: str, table: pa.Table) -> None:
        if name in self.database.list_tables().tables:
            self.database.open_table(name).add(table)
        else:
            self.database.create_table(name, table)


def recorded(path: Path, bundle: Bundle, streams: Mapping[str, Frames], breaks=(0,)) -> Path:
    """Record rows as an archive has them, in fp16; what labels they had is of no account."""
    manifest, labels = bundle.manifest, len(bundle.bank.labels)
    recorder = Recorder(path, bundle, bundle.bank, features=True, patches=None)
    for stream, values in streams.items():
        rounded = {
            name: value.astype(np.float16).astype(np.float32) for name, value in values.items()
        }
        for row in range(len(next(iter(values.values())))):
            frame = {name: value[row].astype(np.float32) for name, value in rounded.items()}
            frame |= {name: np.zeros(labels, np.float32) for name in manifest.label_states}
            if row in breaks:
                recorder.flush_window(stream)
            recorder.add(stream, frame, row / manifest.sampling.rate_fps)
        recorder.end_stream(stream)
    recorder.close()
    return path


def random_frames(bundle: Bundle, count: int, patches: int, *, seed: int = 0) -> dict[str, Any]:
    """Features and states of a video whose content changes every few frames."""
    rng = np.random.default_rng(seed)
    dim = bundle.bank.class_embeddings.shape[1]
    scenes = rng.standard_normal((count // 6 + 1, dim))
    base = np.repeat(scenes, 6, 0)[:count] + 0.2 * rng.standard_normal((count, dim))
    found = {}
    for name in columns_of(bundle.manifest):
        value = base + 0.1 * rng.standard_normal((count, dim))
        if name == PATCH_EMBEDDINGS:
            value = base[:, None] + rng.standard_normal((count, patches, dim))
        value = np.abs(value) if dim == 3 else value
        found[name] = (value / np.linalg.norm(value, axis=-1, keepdims=True)).astype(np.float32)
    return found


@pytest.fixture(name="random_frames")
def random_frames_fixture() -> Callable[..., dict[str, Any]]:
    return random_frames


@pytest.fixture(name="recorded")
def recorded_fixture() -> Callable[..., Path]:
    return recorded


@pytest.fixture
def new_archive(tmp_path: Path) -> Callable[..., Writer]:
    return lambda bundle, **how: Writer(tmp_path / "cameras.archive", bundle, **how)
