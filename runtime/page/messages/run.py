"""What the page's server sends and takes, as types; `openapi.py` makes its document of them.

Times are seconds since 1970, lengths seconds, areas shares of the picture.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ...documents import FiniteFloat
from ...labels.labels import MAX_ATTRIBUTES, MAX_NAME_CHARACTERS, MAX_TEXT_CHARACTERS
from ...messages import StreamCondition
from ...sources.areas import MAX_AREAS, MAX_CORNERS
from ..access import Role

VERSION = 1
MAX_LABEL_TEXT = 1 << 20
MAX_WATCHED = 64

Name = Annotated[str, Meta(min_length=1, max_length=500)]
Sentence = str
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Point = tuple[Share, Share]
Box = tuple[Share, Share, Share, Share]
Polygon = Annotated[tuple[Point, ...], Meta(min_length=3, max_length=MAX_CORNERS)]
Mark = Literal["right", "wrong"]


class Said(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One of the types here: what is not known is refused."""


class LineError(Said, frozen=True, kw_only=True):
    """What is wrong in a line of a text.

    Attributes:
        line: its number, from 1.
        error: a clause.
    """

    line: Annotated[int, Meta(ge=1)]
    error: str


class Failure(Said, frozen=True, kw_only=True):
    """Why something was not done.

    Attributes:
        error: one sentence that says what to do.
        lines: of a text of labels, what is wrong where.
    """

    error: Sentence
    lines: tuple[LineError, ...] | UnsetType = UNSET


class Session(Said, frozen=True, kw_only=True):
    """Who is asking.

    Attributes:
        role: what they may do; null is nothing.
        needs_token: whether a token is needed.
    """

    role: Role | None
    needs_token: bool


class Login(Said, frozen=True, kw_only=True):
    """A token."""

    token: Annotated[str, Meta(max_length=1000)]


class DutyInfo(Said, frozen=True, kw_only=True):
    """Whether a stream makes events, and why not."""

    on: bool
    armed: bool
    scheduled: bool


class RegionInfo(Said, frozen=True, kw_only=True):
    """A region.

    Attributes:
        name: its name.
        shape: [left, top, right, bottom], or corners [x, y].
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    shape: Annotated[tuple[Any, ...], Meta(min_length=3, max_length=MAX_CORNERS)]


class LabelInfo(Said, frozen=True, kw_only=True):
    """A label in use."""

    label: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]
    attributes: Annotated[
        tuple[Annotated[str, Meta(max_length=MAX_TEXT_CHARACTERS)], ...],
        Meta(max_length=MAX_ATTRIBUTES),
    ]
    role: Literal["action", "ignore"]


class Threshold(Said, frozen=True, kw_only=True):
    """From where on a label is decided on.

    Attributes:
        kind: what is compared: the score, or by a calibration the similarity or the evidence.
        value: of all labels; null where each label has its own.
        labels: of each label.
    """

    kind: Literal["score", "similarity", "evidence"]
    value: float | None
    labels: dict[str, float]


class Moment(Said, frozen=True, kw_only=True):
    """A result, as a chart shows it.

    Attributes:
        time: when its last frame was captured; of a file, when it came.
        decision: what was decided on.
        top: the best labels, each with what its threshold is compared with.
    """

    time: float
    decision: str | None
    top: tuple[tuple[str, float], ...]


class LaneInfo(Said, frozen=True, kw_only=True):
    """What is looked at: a stream, or a region of one.

    Attributes:
        lane: its name, no other's.
        region: the region; null is all of the picture.
        rate_fps: frames looked at per second, now.
        labels: its labels, the first of them.
        more: how many more there are.
        threshold: what decides.
        action: the event that is open.
        latest: the last result, as in the results' schema, with `lane` and `values`.
        history: results of the last minutes.
    """

    lane: str
    region: str | None
    rate_fps: float
    labels: tuple[LabelInfo, ...]
    more: Count
    threshold: Threshold | None
    action: str | None
    latest: dict[str, Any] | None
    history: tuple[Moment, ...] = ()


class StreamInfo(Said, frozen=True, kw_only=True):
    """A source of the run.

    Attributes:
        name: what results call it.
        live: whether it is a camera or a network stream.
        state: what it is doing.
        reason: why, in words; may be empty.
        since: since when.
        duty: whether it makes events; null of a file.
        mask: what of its pictures is black.
        regions: the regions that are looked at; none is all of the picture.
        editable: whether regions and masks can be drawn.
        lanes: what is looked at.
        width: of its pictures in pixels, once one was seen.
        height: likewise.
    """

    name: str
    live: bool
    state: StreamCondition
    reason: str
    since: float
    duty: DutyInfo | None
    mask: tuple[Any, ...]
    regions: tuple[RegionInfo, ...]
    editable: bool
    lanes: tuple[LaneInfo, ...]
    width: int | None
    height: int | None


class Streams(Said, frozen=True, kw_only=True):
    """All sources of the run."""

    streams: tuple[StreamInfo, ...]


class RecordingInfo(Said, frozen=True, kw_only=True):
    """The recording that is being written.

    Attributes:
        on: whether there is one.
        since: since when.
        name: its file.
        dropped: frames that the disk had no time for.
    """

    on: bool
    since: float | None = None
    name: str | None = None
    dropped: Count = 0


class RunInfo(Said, frozen=True, kw_only=True):
    """The run.

    Attributes:
        version: of stzsar.
        bundle: what recognises.
        device: where.
        started: when it began.
        events: whether events are kept.
        explains: whether results can be explained.
        teaches: whether it can be taught.
        records: whether it can be recorded.
        why_not: a sentence for each of these that is false.
        overload: the share of their rates that live streams get; 1 is all.
        recording: what is being recorded.
        full_rate: how to see all pictures of a camera.
    """

    version: str
    bundle: str
    device: str
    started: float
    events: bool
    explains: bool
    teaches: bool
    records: bool
    searches: bool
    why_not: dict[str, Sentence]
    overload: float
    recording: RecordingInfo
    full_rate: Sentence


class Health(Said, frozen=True, kw_only=True):
    """Whether a stream is live."""

    status: Literal["live", "not live"]


class Readiness(Said, frozen=True, kw_only=True):
    """Whether the run has begun to read its sources."""

    status: Literal["ready", "starting"]


class LabelsInfo(Said, frozen=True, kw_only=True):
    """The labels of a stream, or of all, as they are edited.

    Attributes:
        stream: whose; null is all that have none of their own.
        text: a label a line.
        origin: where they come from.
        file: the name of their file.
        savable: whether they can be saved there.
        why_not: why not.
    """

    stream: str | None
    text: str
    origin: Literal["file", "bundle", "list", "page"]
    file: str | None
    savable: bool
    why_not: Sentence | None


class LabelsChange(Said, frozen=True, kw_only=True):
    """Other labels.

    Attributes:
        text: a label a line: `name: attribute, attribute`, with "! " before one to ignore.
        stream: whose; null is all streams.
        save: write them to the file that they came from, too.
        check: only say what is wrong with them.
    """

    text: Annotated[str, Meta(max_length=MAX_LABEL_TEXT)]
    stream: Name | None = None
    save: bool = False
    check: bool = False


class Areas(Said, frozen=True, kw_only=True):
    """What is looked at in a stream, and what nobody may see.

    Attributes:
        stream: its name.
        regions: what is looked at; none is all of it.
        mask: what is black.
    """

    stream: Name
    regions: Annotated[tuple[RegionInfo, ...], Meta(max_length=MAX_AREAS)] = ()
    mask: Annotated[tuple[Any, ...], Meta(max_length=MAX_AREAS)] = ()


class ThresholdChange(Said, frozen=True, kw_only=True):
    """Another threshold.

    Attributes:
        lane: what is looked at.
        value: the threshold.
        label: of this label; null is all of them.
    """

    lane: Name
    value: FiniteFloat
    label: Name | None = None


class Arming(Said, frozen=True, kw_only=True):
    """Streams to switch on or off.

    Attributes:
        stream: its name; null is all of them.
        armed: whether it is to make events.
    """

    armed: bool
    stream: Name | None = None


class Duties(Said, frozen=True, kw_only=True):
    """Which streams make events."""

    streams: dict[str, DutyInfo]


class Recording(Said, frozen=True, kw_only=True):
    """Whether to record."""

    on: bool


class StreamQuery(Said, frozen=True, kw_only=True):
    """Which stream."""

    stream: Name


class LabelsQuery(Said, frozen=True, kw_only=True):
    """Whose labels; without a stream those of all that have none of their own."""

    stream: Name | None = None


class PictureQuery(Said, frozen=True, kw_only=True):
    """Which picture."""

    stream: Name
    size: Literal["small", "large"] = "large"
