"""What a run says: recognitions, events and the states of streams, frozen, with one JSON form.

`results.schema.json` describes the JSON; a change of it raises SCHEMA_VERSION.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA_VERSION = 1

StreamCondition = Literal["connecting", "live", "stalled", "lost", "ended"]


@dataclass(frozen=True)
class Score:
    """One label of a result.

    Attributes:
        label: the label's name.
        score: softmax over the labels, 0 to 1: how this label compares with the others.
        similarity: the label's logit before its learned scaling: an absolute value, like a cosine.
    """

    label: str
    score: float
    similarity: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            "label": self.label,
            "score": round(self.score, 4),
            "similarity": round(self.similarity, 4),
        }


@dataclass(frozen=True)
class FrameReason:
    """Why one frame of a window speaks for a label.

    Attributes:
        time_s: the frame's time.
        weight: its saliency S, 0 to 1; those of a window sum to 1.
        attribute: the description attribute that fits best anywhere in the picture.
        similarity: the cosine of that attribute with its best patch: f of the method.
        patch: row and column of that patch.
        heat: cosine of each patch with its best attribute, as rows of the grid; from the top left.
    """

    time_s: float
    weight: float
    attribute: str
    similarity: float
    patch: tuple[int, int]
    heat: tuple[tuple[float, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types, without the heat map, which is drawn and not written."""
        return {
            "time_s": round(self.time_s, 3),
            "weight": round(self.weight, 4),
            "attribute": self.attribute,
            "similarity": round(self.similarity, 4),
            "patch": list(self.patch),
        }


@dataclass(frozen=True)
class Explanation:
    """Why a window has its best label: one reason for each frame, oldest first."""

    label: str
    frames: tuple[FrameReason, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {"label": self.label, "frames": [frame.to_dict() for frame in self.frames]}


@dataclass(frozen=True)
class Recognition:
    """What was recognised in one window of frames.

    Attributes:
        source: the file, stream or camera.
        start_s: time of the window's first frame in the source, in seconds.
        end_s: time of the window's last frame, in seconds.
        frames: number of frames in the window; fewer than the bundle's T in a short clip.
        top: the best labels, best first.
        decision: the label that passed its thresholds; None is "none of these".
        gap_s: the longest time between two neighbouring frames of the window.
        encoded: how many of its frames were encoded; the others looked like the one before.
        rate_fps: frames looked at per second, fewer than asked for where the machine is too slow.
        time: when the last frame was captured, in seconds since 1970; None for a file.
        age_ms: from that moment to the decision, in milliseconds; None for a file.
        explanation: why the best label, if that was asked for.
    """

    source: str
    start_s: float
    end_s: float
    frames: int
    top: tuple[Score, ...]
    decision: str | None = None
    gap_s: float = 0.0
    encoded: int = 0
    rate_fps: float | None = None
    time: float | None = None
    age_ms: float | None = None
    explanation: Explanation | None = None

    @property
    def label(self) -> str:
        """The best label's name."""
        return self.top[0].label

    @property
    def score(self) -> float:
        """The best label's score."""
        return self.top[0].score

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        document: dict[str, Any] = {
            "type": "result",
            "source": self.source,
            "window": [round(self.start_s, 3), round(self.end_s, 3)],
            "frames": self.frames,
            "label": self.label,
            "score": round(self.score, 4),
            "decision": self.decision,
            "top": [score.to_dict() for score in self.top],
            "gap": round(self.gap_s, 3),
            "encoded": self.encoded,
            "rate_fps": _rounded(self.rate_fps, 3),
            "time": _rounded(self.time, 3),
            "age_ms": _rounded(self.age_ms, 1),
        }
        if self.explanation:
            document["explanation"] = self.explanation.to_dict()
        return document

    def to_json(self) -> str:
        """Return the result as one JSON line (without the line's end)."""
        return to_json(self)


@dataclass(frozen=True)
class ActionEvent:
    """The start or the end of an action.

    Attributes:
        event: which of the two.
        source: the file, stream or camera.
        label: the action.
        time_s: when, in seconds of the source.
        time: when, in seconds since 1970; None for a file.
        peak: the best score so far.
        duration_s: seconds since the start; at the start how long it has been seen already.
    """

    event: Literal["start", "end"]
    source: str
    label: str
    time_s: float
    time: float | None
    peak: float
    duration_s: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            "type": "event",
            "event": self.event,
            "source": self.source,
            "label": self.label,
            "time_s": round(self.time_s, 3),
            "time": _rounded(self.time, 3),
            "peak": round(self.peak, 4),
            "duration": round(self.duration_s, 3),
        }


@dataclass(frozen=True)
class StreamState:
    """A change in what a live stream is doing.

    Attributes:
        source: the stream or camera.
        state: "connecting", "live", "stalled" (no new picture comes), "lost" (it broke off, and is
            opened again later) or "ended" (it will not come again).
        reason: why, in words; empty where there is nothing to say.
        time: when, in seconds since 1970.
    """

    source: str
    state: StreamCondition
    reason: str
    time: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {
            "type": "stream",
            "source": self.source,
            "state": self.state,
            "reason": self.reason,
            "time": round(self.time, 3),
        }


@dataclass(frozen=True)
class Overload:
    """A change in how much of what was asked for this machine can do.

    Attributes:
        share: the part of the sampling rate that live streams have now, 0 to 1; 1 is all of it.
        time: when, in seconds since 1970.
    """

    share: float
    time: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON's types."""
        return {"type": "overload", "share": round(self.share, 3), "time": round(self.time, 3)}


Message = Recognition | ActionEvent | StreamState | Overload


def to_json(message: Message) -> str:
    """Return a message as one JSON line (without the line's end)."""
    document = {"version": SCHEMA_VERSION, **message.to_dict()}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
