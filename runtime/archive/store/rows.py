"""Frames of one stream, collected to a table of `frames`."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...bundle.manifest import PATCH_EMBEDDINGS, Manifest
from ...recordings.recorder import kept_patches
from .columns import columns_of
from .schema import Stretch, frames_schema

if TYPE_CHECKING:
    import pyarrow as pa

Array = npt.NDArray[Any]


class Rows:
    """Frames that are not written yet, oldest first."""

    def __init__(self, manifest: Manifest, patches: int) -> None:
        self._columns, self._patches = columns_of(manifest), patches
        self._plain: list[tuple[int, float, float | None, float, int]] = []
        self._vectors: dict[str, list[Array]] = {name: [] for name in self._columns}

    def __len__(self) -> int:
        return len(self._plain)

    @property
    def first_s(self) -> float:
        """The time of the first frame."""
        return self._plain[0][1]

    def add(
        self,
        frame: int,
        states: Mapping[str, Array],
        time_s: float,
        *,
        flags: int,
        rate_fps: float,
        clock: float | None = None,
    ) -> None:
        """Add a frame.

        Args:
            frame: its number in the video.
            states: its features, and its states that know no labels, [...] each.
            time_s: its time in the source.
            flags: as in a recording.
            rate_fps: frames sampled a second.
            clock: when it was captured, in seconds since 1970; None for a file.
        """
        self._plain.append((frame, time_s, clock, rate_fps, flags))
        for name in self._columns:
            value = states[name]
            if name == PATCH_EMBEDDINGS:
                value = kept_patches(value, self._patches)
            self._vectors[name].append(np.asarray(value, np.float16).reshape(-1))

    def table(self, stretch: Stretch) -> "pa.Table":
        """Return them as rows of a stretch."""
        import pyarrow as pa

        frames, times, clocks, rates, flags = zip(*self._plain, strict=True)
        arrays = {name: np.stack(rows) for name, rows in self._vectors.items()}
        widths = {self._columns[name]: array.shape[1] for name, array in arrays.items()}
        schema = frames_schema(widths)
        count = len(frames)
        known = [None if clock is None or math.isnan(clock) else clock for clock in clocks]
        columns: dict[str, Any] = {
            "stream": [stretch.stream] * count,
            "video": [stretch.video] * count,
            "stretch": [stretch.stretch] * count,
            "attempt": [""] * count,
            "frame": frames,
            "time_s": times,
            "clock": known,
            "rate_fps": np.asarray(rates, np.float32),
            "flags": np.asarray(flags, np.uint8),
            "bundle": [stretch.bundle] * count,
        }
        for name, array in arrays.items():
            flat = pa.array(array.reshape(-1))
            columns[self._columns[name]] = pa.FixedSizeListArray.from_arrays(flat, array.shape[1])
        return pa.table(columns, schema=schema)
