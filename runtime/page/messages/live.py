"""What goes through a viewer's WebSocket, besides the lines of stzsar-run."""

from typing import Annotated, Literal

from msgspec import Meta

from ..access import Role
from .run import (
    MAX_WATCHED,
    VERSION,
    Name,
    RecordingInfo,
    RunInfo,
    Said,
    Sentence,
    StreamInfo,
)
from .teaching import TeachingInfo


class Watch(Said, frozen=True, kw_only=True):
    """What a viewer wants to see; it replaces what was wanted before.

    Attributes:
        type: which message this is.
        small: streams whose small pictures are wanted.
        large: streams whose large pictures are wanted.
        why: lanes whose explanations are wanted.
    """

    type: Literal["watch"]
    small: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()
    large: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()
    why: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()


class WhyFrame(Said, frozen=True, kw_only=True):
    """Why one frame speaks for the label; `heat` is 0 to 255, row by row."""

    time_s: float
    weight: float
    attribute: str
    similarity: float
    patch: tuple[int, int]
    heat: tuple[int, ...]


class Why(Said, frozen=True, kw_only=True):
    """Why a window has its best label.

    Attributes:
        type: which message this is.
        lane: what was looked at.
        time: when.
        label: the label.
        area: the box of the picture that the network saw; beyond 0 to 1 where it was filled up.
        grid: rows and columns of the heat.
        frames: one for each frame of the window, oldest first.
    """

    type: Literal["why"] = "why"
    lane: str
    time: float
    label: str
    area: tuple[float, float, float, float]
    grid: tuple[int, int]
    frames: tuple[WhyFrame, ...]


class Hello(Said, frozen=True, kw_only=True):
    """All that a viewer needs to know at first.

    Attributes:
        type: which message this is.
        version: of these messages.
        time: of the server's clock.
        role: what the viewer may do.
        run: the run.
        streams: its sources, with their history.
    """

    type: Literal["hello"] = "hello"
    version: int = VERSION
    time: float
    role: Role
    run: RunInfo
    streams: tuple[StreamInfo, ...]


class StreamNews(Said, frozen=True, kw_only=True):
    """A stream is another one now: its labels, thresholds, regions or mask."""

    type: Literal["info"] = "info"
    stream: StreamInfo


class LaneStats(Said, frozen=True, kw_only=True):
    """What was done in a lane; counts grow."""

    read: int
    sampled: int
    dropped: int
    encoded: int
    connections: int
    rate_fps: float
    age_s: float | None


class Stats(Said, frozen=True, kw_only=True):
    """What was done so far; once a second."""

    type: Literal["stats"] = "stats"
    time: float
    share: float
    lanes: dict[str, LaneStats]
    viewers: int


class Stored(Said, frozen=True, kw_only=True):
    """An event of the store is new or has changed."""

    type: Literal["stored"] = "stored"
    id: int


class RecordingNews(Said, frozen=True, kw_only=True):
    """A recording began or ended."""

    type: Literal["recording"] = "recording"
    recording: RecordingInfo


class TeachingNews(Said, frozen=True, kw_only=True):
    """There is more to teach with, or teaching went on."""

    type: Literal["teaching"] = "teaching"
    teaching: TeachingInfo


class Notice(Said, frozen=True, kw_only=True):
    """Something to show to people."""

    type: Literal["notice"] = "notice"
    text: Sentence
    level: Literal["info", "warning"] = "info"


class Bye(Said, frozen=True, kw_only=True):
    """The run has ended."""

    type: Literal["bye"] = "bye"
    reason: Sentence


class PictureHeader(Said, frozen=True, kw_only=True):
    """What stands before a picture.

    Attributes:
        type: which message this is.
        stream: whose picture.
        size: how large.
        time: when it was captured; null of a file.
        time_s: when, in seconds of the source.
        width: in pixels.
        height: in pixels.
        live: false on a still of a stream in which nothing goes on.
    """

    type: Literal["picture"] = "picture"
    stream: str
    size: Literal["small", "large"]
    time: float | None
    time_s: float
    width: int
    height: int
    live: bool


class StripHeader(Said, frozen=True, kw_only=True):
    """What stands before the frames of a window, side by side.

    Attributes:
        type: which message this is.
        lane: what was looked at.
        times_s: when each was captured, oldest first, in seconds of the source.
        width: in pixels, of all of them.
        height: in pixels.
    """

    type: Literal["strip"] = "strip"
    lane: str
    times_s: tuple[float, ...]
    width: int
    height: int
