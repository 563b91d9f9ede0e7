"""Frames of a video to embeddings: the frame graph alone, bound to as few labels as it takes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...bundle.bundle import FRAME_GRAPH, Bundle
from ...engines.opening import open_graph
from ...errors import BundleError, SourceError
from ...preprocessing.motion import MotionGate
from ...preprocessing.pixels import fit_frame
from ...preprocessing.sampling import RateSampler
from ...recordings.recorder import BREAK, ENCODED
from ...sources.frames import Frame
from ...sources.video_file import VideoSource
from ..store.columns import columns_of
from ..store.rows import Rows
from ..store.schema import Sampling
from .pictures import small_jpeg

# Frames in one run of the graph, as files have it elsewhere.
BATCH = 4

Array = npt.NDArray[Any]


@dataclass
class Piece:
    """A stretch of a video.

    Attributes:
        index: its number in the video, from 0.
        rows: its frames; none if it is there already.
        end_s: the time of its last frame.
        stills: time and JPEG of its pictures.
        failure: why the video ends with it, if it is damaged there.
    """

    index: int
    rows: Rows
    end_s: float = 0.0
    stills: list[tuple[float, bytes]] = field(default_factory=list[tuple[float, bytes]])
    failure: SourceError | None = None


class FrameEncoder:
    """The frame graph of a bundle.

    Attributes:
        bundle: the bundle.
        dim: of its embeddings.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0, engine: str = "auto") -> None:
        """Load the graph.

        Raises:
            BundleError: the bundle gives no features to archive.
            EngineError: the engine cannot be used.
        """
        manifest = bundle.manifest
        self.bundle = bundle
        self._names = tuple(columns_of(manifest))
        if manifest.label_states and not manifest.features:
            raise BundleError(
                f"The bundle {bundle.path} gives no features to archive, as old bundles do: export "
                "it again."
            )
        # States of labels come out of the same graph, and are thrown away: one label is enough.
        bank = bundle.bank.select([0])
        self.dim = int(bank.class_embeddings.shape[1])
        constants = bank.arrays()
        graph = open_graph(
            bundle.path / FRAME_GRAPH, threads=threads, engine=engine, constants=constants
        )
        self._run = graph.bind(constants, self._names)

    def encode(self, images_bhwc: Array) -> Mapping[str, Array]:
        """Return features and states that know no labels, of fitted frames [B, S, S, 3] BGR."""
        return self._run({"frames": images_bhwc})

    def pieces_of(
        self,
        path: Path,
        sampling: Sampling,
        *,
        is_there: Callable[[int], bool] = lambda _index: False,
        gate: float | None = None,
        still_s: float | None = None,
    ) -> Iterator[Piece]:
        """Yield the stretches of a video, in their order.

        The rows of a stretch do not depend on which others are there: frames are chosen from the
        start of the video, and no batch and no motion gate reaches over a border.

        Args:
            path: the file.
            sampling: how its frames are chosen, and how long a stretch is.
            is_there: says of a stretch, by its number, that it need not be encoded.
            gate: encode a frame only if it changed by this much of 255; None encodes all.
            still_s: keep a picture this often, in seconds; None keeps none.

        Raises:
            SourceError: the file cannot be opened.
        """
        source = VideoSource.open(path, threads=1)
        failures: list[SourceError] = []

        def numbered() -> Iterator[tuple[int, bool, Frame]]:
            shape = None
            try:
                for number, frame in enumerate(source.frames(RateSampler(sampling.rate_fps).due)):
                    breaks, shape = frame.image_hwc.shape != shape, frame.image_hwc.shape
                    yield number, breaks, frame
            except SourceError as error:  # what could be decoded counts
                failures.append(error)

        try:
            by_stretch = groupby(numbered(), lambda one: int(one[2].time_s // sampling.stretch_s))
            for index, frames in by_stretch:
                piece = Piece(index, Rows(self.bundle.manifest, sampling.patches))
                if is_there(index):
                    piece.end_s = [frame.time_s for _, _, frame in frames][-1]
                else:
                    self._encode_piece(piece, frames, sampling.rate_fps, gate, still_s)
                piece.failure = failures[0] if failures else None
                yield piece
        finally:
            source.close()

    def _encode_piece(
        self,
        piece: Piece,
        frames: Iterator[tuple[int, bool, Frame]],
        rate_fps: float,
        gate: float | None,
        still_s: float | None,
    ) -> None:
        side = self.bundle.manifest.pixels.size_px
        motion = MotionGate(gate) if gate else None
        waiting: list[tuple[int, float, bool, Array | None]] = []  # no picture: it looks the same
        newest: Mapping[str, Array] = {}

        def flush() -> None:
            nonlocal newest
            images = [image for _, _, _, image in waiting if image is not None]
            values = self.encode(np.stack(images)) if images else {}
            row = 0
            for number, time_s, breaks, image in waiting:
                encoded = image is not None
                if encoded:
                    newest = {name: values[name][row] for name in self._names}
                    row += 1
                flags = BREAK * breaks | ENCODED * encoded
                piece.rows.add(number, newest, time_s, flags=flags, rate_fps=rate_fps)
            waiting.clear()

        next_still_s = -np.inf
        for number, breaks, frame in frames:
            if still_s is not None and frame.time_s >= next_still_s:
                piece.stills.append((frame.time_s, small_jpeg(frame.image_hwc)))
                next_still_s = frame.time_s + still_s
            if motion and breaks:
                motion.forget()
            image = fit_frame(frame.image_hwc, side)
            alike = motion is not None and not motion.opens(image)
            waiting.append((number, frame.time_s, breaks, None if alike else image))
            piece.end_s = frame.time_s
            if len(waiting) == BATCH:
                flush()
        flush()
