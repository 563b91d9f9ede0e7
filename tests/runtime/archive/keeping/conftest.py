"""Archives of random rows, written as an indexer writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stzsar.runtime.archive.keeping.tables import Tables
from stzsar.runtime.archive.store.hashes import hash_rows

lance = pytest.importorskip("lance", reason="no Lance: pip install '.[archive]'")
import pyarrow as pa  # noqa: E402

DIM, PATCHES = 32, 2
BUNDLE = "bundle-1"
NOON = 1_796_000_000.0


@dataclass
class Made:
    """An archive that tests write, and what they wrote.

    Attributes:
        folder: where it is.
        embeddings: of each attempt, float16 [N, D].
        stills: of each attempt.
    """

    folder: Path
    embeddings: dict[str, Any] = field(default_factory=dict)
    stills: dict[str, bytes] = field(default_factory=dict)

    @property
    def tables(self) -> Tables:
        return Tables(str(self.folder))

    def put(self, name: str, rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> None:
        lance.write_dataset(
            pa.Table.from_pylist(rows, schema), str(self.folder / f"{name}.lance"), mode="append"
        )

    def files_with(self, content: bytes) -> list[Path]:
        """Return the files of the archive that have these bytes somewhere."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [
            path for path in files if content in path.read_bytes() or content in str(path).encode()
        ]

    def add(
        self,
        stream: str,
        at_s: float = 0.0,
        *,
        rows: int = 20,
        clock: float | None = None,
        written: float = NOON,
        commit: bool = True,
        state: str = "whole",
    ) -> str:
        """Write a stretch of one frame a second; return its attempt."""
        number = len(self.embeddings)
        rng = np.random.default_rng(number)
        attempt, video, stretch = f"attempt-{number}", f"video-of-{stream}", f"stretch-{number}"
        embeddings = rng.standard_normal((rows, DIM)).astype(np.float16)
        patches = rng.standard_normal((rows, PATCHES * DIM)).astype(np.float16)
        times = [at_s + at for at in range(rows)]
        frames = pa.table(
            {
                "stream": [stream] * rows,
                "video": [video] * rows,
                "stretch": [stretch] * rows,
                "attempt": [attempt] * rows,
                "frame": pa.array([round(at) for at in times], pa.int64()),
                "time_s": pa.array(times, pa.float64()),
                "clock": pa.array(
                    [None if clock is None else clock + at for at in range(rows)], pa.float64()
                ),
                "flags": pa.array([0] * rows, pa.uint8()),
                "bundle": [BUNDLE] * rows,
                "embedding": _lists(embeddings),
                "patches": _lists(patches),
            }
        )
        lance.write_dataset(frames, str(self.folder / "frames.lance"), mode="append")
        self.embeddings[attempt] = embeddings
        self.stills[attempt] = rng.bytes(400)
        if not commit:
            return attempt
        self._put_facts(frames, number, clock, written, state)
        return attempt

    def _put_facts(
        self, frames: pa.Table, number: int, clock: float | None, written: float, state: str
    ) -> None:
        first = frames.slice(0, 1).to_pylist()[0]
        names = {name: first[name] for name in ("stretch", "attempt", "video", "stream", "bundle")}
        times = frames["time_s"].to_pylist()
        facts = {
            "first_s": times[0],
            "last_s": times[-1],
            "rows": frames.num_rows,
            "hash": hash_rows(frames),
            "written": written,
            "state": "done",
            "error": "",
        }
        self.put("stretches", [{**names, **facts}])
        known = self.tables.rows("videos", columns=["video"])
        if first["video"] not in {row["video"] for row in known}:
            path = f"/videos/{first['stream']}.mp4"
            row = {"video": first["video"], "stream": first["stream"], "path": path, "state": state}
            self.put("videos", [row])
        still = {
            "stream": first["stream"],
            "video": first["video"],
            "time_s": first["time_s"],
            "clock": clock,
            "jpeg": self.stills[first["attempt"]],
        }
        schema = pa.schema(
            [("stream", pa.string()), ("video", pa.string()), ("time_s", pa.float64()),
             ("clock", pa.float64()), ("jpeg", pa.binary())]
        )  # fmt: skip
        self.put("stills", [still], schema)


def _lists(values: Any) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


@pytest.fixture
def made(tmp_path: Path) -> Made:
    archive = Made(tmp_path / "archive")
    archive.folder.mkdir()
    archive.put("bundles", [{"bundle": BUNDLE, "name": "tiny", "dim": DIM, "format": 1}])
    return archive
