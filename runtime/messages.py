"""The JSON that a run writes: a line, a webhook's body or an MQTT payload, as types.

`results_schema.py` generates `results.schema.json` from these types and their docstrings. A change
that readers must know about raises VERSION.
"""

from typing import Annotated, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

VERSION = 1

StreamCondition = Literal["connecting", "live", "stalled", "lost", "ended"]
# From the least urgent to the most.
Priority = Literal["low", "normal", "high", "urgent"]
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
VerdictAnswer = Literal["yes", "no", "unverified"]

_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0)]
_NotNegative = Annotated[float, Meta(ge=0)]
_Positive = Annotated[float, Meta(gt=0)]


class TopLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """One of the best labels of a window.

    Attributes:
        label: the label's name.
        score: softmax over the labels: how this label compares with the others. There is always a
            winner, so it does not prove that the action is there.
        similarity: the label's logit before its learned scaling: an absolute value, comparable
            between windows, like a cosine.
    """

    label: str
    score: _Share
    similarity: float


class ExplainedFrame(Struct, frozen=True, forbid_unknown_fields=True):
    """Why one frame of a window speaks for a label.

    Attributes:
        time_s: seconds since the source's first frame.
        weight: how much the frame counts; the weights of a window sum to 1.
        attribute: the description attribute that fits best anywhere in the picture.
        similarity: the cosine of that attribute with its best patch.
        patch: row and column of that patch, from the top left.
    """

    time_s: float
    weight: _Share
    attribute: str
    similarity: float
    patch: tuple[_Count, _Count]


class ExplainedLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """Why a window has its best label; only where it was asked for.

    Attributes:
        label: the best label.
        frames: one for each frame of the window, oldest first.
    """

    label: str
    frames: tuple[ExplainedFrame, ...]


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was recognised in one window of frames.

    Attributes:
        version: of this schema.
        type: which message this is.
        source: the file, stream or camera, or its given name; never holds a password.
        window: times of the first and last frame, in seconds since the source's first frame.
        frames: frames in the window; fewer than the bundle's in a short clip.
        label: the best label, which need not be a decision.
        score: the best label's score.
        decision: the label that passed its thresholds, one of the run's; null is "none of these".
        top: the best actions, best first, and the one that is decided on.
        gap: the longest time between neighbouring frames of the window, in seconds.
        encoded: how many of the frames were encoded, `frames` at most; the others looked like the
            one before.
        rate_fps: frames looked at per second; fewer than asked for where the machine is too slow.
        time: when the last frame was captured, in seconds since 1970; null for a file.
        age_ms: milliseconds from that capture to the decision; null for a file.
        explanation: why the best label; only where it was asked for.
        region: the region of the picture that was looked at; only where the stream has regions.
        rival: the label to ignore that explains the window better than any action; only where there
            is one, and no decision.
    """

    version: Literal[1] = VERSION
    type: Literal["result"] = "result"
    source: str
    window: tuple[float, float]
    frames: Annotated[int, Meta(ge=1)]
    label: str
    score: _Share
    decision: str | None
    top: Annotated[tuple[TopLabel, ...], Meta(min_length=1)]
    gap: _NotNegative
    encoded: _Count
    rate_fps: _Positive | None
    time: _NotNegative | None
    age_ms: _NotNegative | None
    explanation: ExplainedLabel | UnsetType = UNSET
    region: str | UnsetType = UNSET
    rival: str | UnsetType = UNSET


class SecondLook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a larger bundle or a language model said of an event before it was told.

    Attributes:
        answer: yes: it is what it was taken for; unverified: nobody could say. An event with a no
            is not told.
        by: the bundle or the model.
        score: the bundle's score of the label; null of a language model, or where nobody could say.
        said: the model's sentence, or why nobody could say; may be empty.
    """

    answer: VerdictAnswer
    by: str
    score: _Share | None
    said: str


class Event(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The start or the end of an action, or that it goes on.

    Attributes:
        version: of this schema.
        type: which message this is.
        event: which of the three; repeat: it goes on, only where a rule asks to be told again.
        source: the file, stream or camera, or its given name.
        label: the action.
        time_s: when, in seconds since the source's first frame.
        time: the same in seconds since 1970; null for a file.
        peak: the best score so far.
        duration: seconds since the start; at a start, for how long it has been seen already.
        region: the region of the picture where it is; only where the stream has regions.
        priority: how urgent it is; only where a rule says so, else it is normal.
        still: the picture of its best moment so far, a JPEG in base64; only in posts that are to
            have it.
        still_url: where that picture can be fetched; only in posts that are to have it.
        second_look: what a second look said; only where one was asked for.
    """

    version: Literal[1] = VERSION
    type: Literal["event"] = "event"
    event: Literal["start", "repeat", "end"]
    source: str
    label: str
    time_s: float
    time: _NotNegative | None
    peak: _Share
    duration: _NotNegative
    region: str | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    still: str | UnsetType = UNSET
    still_url: str | UnsetType = UNSET
    second_look: SecondLook | UnsetType = UNSET


class StreamChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change in what a live stream is doing.

    Attributes:
        version: of this schema.
        type: which message this is.
        source: the stream or camera, or its given name.
        state: stalled: no new picture comes; lost: it broke off and will be reopened; ended: it
            will not come back.
        reason: why, in words; may be empty.
        time: when, in seconds since 1970.
    """

    version: Literal[1] = VERSION
    type: Literal["stream"] = "stream"
    source: str
    state: StreamCondition
    reason: str
    time: _NotNegative


class DutyChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change in whether a stream makes events.

    Attributes:
        version: of this schema.
        type: which message this is.
        source: the stream or camera, or its given name.
        on: whether it makes events: it is armed and within its schedule.
        armed: whether people want it to.
        scheduled: whether it is within its schedule.
        time: when, in seconds since 1970.
    """

    version: Literal[1] = VERSION
    type: Literal["duty"] = "duty"
    source: str
    on: bool
    armed: bool
    scheduled: bool
    time: _NotNegative


class OverloadChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change in how much of what was asked for the machine can do.

    Attributes:
        version: of this schema.
        type: which message this is.
        share: the share of the sampling rate that live streams get; 1 is all of it.
        time: when, in seconds since 1970.
    """

    version: Literal[1] = VERSION
    type: Literal["overload"] = "overload"
    share: _Share
    time: _NotNegative
