"""What the tables of an archive hold: the format, version 1.

    frames     a row for each sampled frame, with its embeddings
    stretches  a row for each committed stretch, the unit of work; without it, frames do not count
    videos     a row for each video or live run
    bundles    a row for each encoder, with how it samples here
    stills     small pictures, optional

Frames name the attempt that wrote them, and a stretch names the attempt that counts. So a writer
that is killed between the two leaves rows that nobody sees, and of two writers one wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
State = Literal["whole", "partial", "broken", "changed"]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch that is written.

    Attributes:
        stretch: its name: a hash of what was to be done, so the same work has the same name.
        video: the id of the video or live run.
        stream: what searches call the source: a file's path, or a stream's name.
        bundle: the id of the bundle.
    """

    stretch: str
    video: str
    stream: str
    bundle: str


@dataclass(frozen=True, kw_only=True)
class Video:
    """A video or a live run.

    Attributes:
        video: its id, from its content; of a live run from its stream and start.
        stream: what searches call it.
        path: of the file; None of a live run.
        size: of the file, in bytes.
        mtime: when the file was changed, in seconds since 1970.
        hash: of parts of its content, see `index.videos`.
        duration_s: how much of it was sampled, in seconds.
        state: "whole"; "partial" while it is being indexed; "broken" if some of it cannot be
            decoded; "changed" if the file changed meanwhile.
        error: why it is not whole.
        settings: how it was sampled: the bundle and what else changes the rows.
    """

    video: str
    stream: str
    path: str | None
    size: int = 0
    mtime: float = 0.0
    hash: str = ""
    duration_s: float = 0.0
    state: State = "partial"
    error: str = ""
    settings: str = ""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the frames of one bundle are sampled in one archive; it never changes.

    Attributes:
        rate_fps: frames a second.
        stretch_s: length of a stretch, in seconds.
        patches: how many patches of a frame are kept, the most different ones.
    """

    rate_fps: float
    stretch_s: float
    patches: int


def frames_schema(widths: Mapping[str, int]) -> "pa.Schema":
    """Return the schema of `frames`, for columns of fp16 vectors with these lengths."""
    import pyarrow as pa

    plain: list[Any] = [
        ("stream", pa.string()),
        ("video", pa.string()),
        ("stretch", pa.string()),
        ("attempt", pa.string()),
        ("frame", pa.int64()),  # counted from 0 in each video
        ("time_s", pa.float64()),
        ("clock", pa.float64()),  # seconds since 1970; null for a file
        ("rate_fps", pa.float32()),
        ("flags", pa.uint8()),  # as in recordings
        ("bundle", pa.string()),
    ]
    vectors = [(name, pa.list_(pa.float16(), width)) for name, width in widths.items()]
    return pa.schema([*plain, *vectors])


def stretches_schema() -> "pa.Schema":
    """Return the schema of `stretches`."""
    import pyarrow as pa

    text = [(name, pa.string()) for name in ("stretch", "attempt", "video", "stream", "bundle")]
    return pa.schema(
        [
            *text,
            ("first_s", pa.float64()),
            ("last_s", pa.float64()),
            ("rows", pa.int64()),
            ("hash", pa.string()),
            ("written", pa.float64()),
            ("state", pa.string()),
            ("error", pa.string()),
        ]
    )


def videos_schema() -> "pa.Schema":
    """Return the schema of `videos`."""
    import pyarrow as pa

    return pa.schema(
        [
            ("video", pa.string()),
            ("stream", pa.string()),
            ("path", pa.string()),
            ("size", pa.int64()),
            ("mtime", pa.float64()),
            ("hash", pa.string()),
            ("duration_s", pa.float64()),
            ("state", pa.string()),
            ("error", pa.string()),
            ("settings", pa.string()),
        ]
    )


def bundles_schema() -> "pa.Schema":
    """Return the schema of `bundles`."""
    import pyarrow as pa

    return pa.schema(
        [
            ("bundle", pa.string()),
            ("format", pa.int64()),
            ("name", pa.string()),
            ("frame_graph", pa.string()),
            ("window_graph", pa.string()),
            ("frames", pa.int64()),
            ("rate_fps", pa.float64()),
            ("stretch_s", pa.float64()),
            ("dim", pa.int64()),
            ("patches", pa.int64()),
        ]
    )


def stills_schema() -> "pa.Schema":
    """Return the schema of `stills`."""
    import pyarrow as pa

    return pa.schema(
        [
            ("stream", pa.string()),
            ("video", pa.string()),
            ("time_s", pa.float64()),
            ("clock", pa.float64()),
            ("jpeg", pa.binary()),
        ]
    )
