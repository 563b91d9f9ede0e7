"""What a run reports: recognitions, events and the states of streams, as frozen types.

Their JSON form is in `messages.py`, where numbers are rounded to what they are worth.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec
import numpy.typing as npt

from . import messages, notebook

SCHEMA_VERSION = messages.VERSION
# What people read where nothing is decided on.
NONE_OF_THESE = "none of these"
StreamCondition = messages.StreamCondition
Priority = messages.Priority

Array = npt.NDArray[Any]


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


@dataclass(frozen=True, eq=False)
class AllScores:
    """The scores of everything that a window was compared with, for decisions.

    Attributes:
        names: of R labels: what competes (actions, and what is ignored), then the context.
        scores: softmax over the K labels that compete, [K].
        similarities: of all of them, [R].
        scale: logits for each unit of similarity.
    """

    names: tuple[str, ...]
    scores: Array
    similarities: Array
    scale: float = 1.0

    def of(self, place: int) -> Score:
        """Return the score of the label at a place."""
        return Score(self.names[place], float(self.scores[place]), float(self.similarities[place]))


@dataclass(frozen=True)
class FrameReason:
    """Why one frame of a window speaks for a label.

    Attributes:
        time_s: the frame's time.
        weight: its saliency S, 0 to 1; the weights of a window sum to 1.
        attribute: the description attribute that fits best anywhere in the picture.
        similarity: the cosine of that attribute with its best patch: f of the method.
        patch: row and column of that patch.
        heat: cosine of each patch with its best attribute, as rows of the grid from the top left;
            it is drawn, and not part of the JSON.
    """

    time_s: float
    weight: float
    attribute: str
    similarity: float
    patch: tuple[int, int]
    heat: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Explanation:
    """Why a window has its best label: one reason for each frame, oldest first."""

    label: str
    frames: tuple[FrameReason, ...]


@dataclass(frozen=True)
class Recognition:
    """What was recognised in one window of frames.

    Attributes:
        source: the file, stream or camera.
        start_s: time of the window's first frame in the source, in seconds.
        end_s: time of the window's last frame, in seconds.
        frames: number of frames in the window; fewer than the bundle's T in a short clip.
        top: the best actions, best first, and what is decided on; never what is to be ignored.
        decision: the label that passed its thresholds; None is "none of these".
        rival: the label to ignore that explains the window better than any action, where nothing
            is decided on.
        gap_s: the longest time between two neighbouring frames of the window.
        encoded: how many of its frames were encoded; the others looked like the one before.
        rate_fps: frames looked at per second, fewer than asked for where the machine is too slow.
        time: when the last frame was captured, in seconds since 1970; None for a file.
        age_ms: from that moment to the decision, in milliseconds; None for a file.
        explanation: why the best label, if that was asked for.
        region: the part of the picture that was looked at; None is all of it.
        everything: the scores of all labels, where a graph gave them; not part of the JSON.
    """

    source: str
    start_s: float
    end_s: float
    frames: int
    top: tuple[Score, ...]
    decision: str | None = None
    rival: str | None = None
    gap_s: float = 0.0
    encoded: int = 0
    rate_fps: float | None = None
    time: float | None = None
    age_ms: float | None = None
    explanation: Explanation | None = None
    region: str | None = None
    everything: AllScores | None = field(default=None, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The best label's name."""
        return self.top[0].label

    @property
    def score(self) -> float:
        """The best label's score."""
        return self.top[0].score

    @property
    def decided(self) -> Score | None:
        """The scores of what is decided on; None is "none of these"."""
        return next((found for found in self.top if found.label == self.decision), None)

    @property
    def ranked(self) -> tuple[Score, ...]:
        """The labels of `top` as people see them: what is decided on, then the best others."""
        return tuple(sorted(self.top, key=lambda found: found.label != self.decision))

    def decided_on(self, found: Score | None, top_k: int | None) -> "Recognition":
        """Return the result with a decision, and `top_k` labels besides; None keeps all."""
        if found is None:
            return replace(self, decision=None, top=self.top[:top_k])
        top = self.top[:top_k]
        if all(other.label != found.label for other in top):
            top = (*top, found)
        return replace(self, decision=found.label, rival=None, top=top)

    def __repr__(self) -> str:
        return (
            f"Recognition({self.source!r}, {self.start_s:.1f} to {self.end_s:.1f} s, "
            f"{self.label!r} {self.score:.0%}, decision={self.decision!r})"
        )

    def _repr_html_(self) -> str:
        """Return a table with bars, which notebooks show."""
        head = ("label", "score", "similarity")
        rows = [] if self.decision else [(notebook.text(NONE_OF_THESE, strong=True), "", "")]
        for found in self.ranked:
            strong = found.label == self.decision
            name = notebook.text(found.label, strong=strong, faint=not strong)
            bar = notebook.bar(found.score, strong=strong)
            rows.append((name, bar, f"{found.similarity:.3f}"))
        title = f"{self.source}, {self.start_s:.1f} to {self.end_s:.1f} s"
        return notebook.table(title, rows, head=head)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON's types."""
        return msgspec.to_builtins(_message_of(self))

    def to_json(self) -> str:
        """Return the result as one JSON line (without the line's end)."""
        return to_json(self)


@dataclass(frozen=True)
class Verdict:
    """What a second look at an event said.

    Attributes:
        answer: "yes", "no", or "unverified" where nobody could say.
        by: the bundle or the language model.
        score: the bundle's score of the label, 0 to 1.
        said: the model's sentence, or why nobody could say.
    """

    answer: messages.VerdictAnswer
    by: str
    score: float | None = None
    said: str = ""


@dataclass(frozen=True)
class ActionEvent:
    """The start or the end of an action, or that it goes on.

    Attributes:
        event: which of the three; "repeat" where an action that goes on is to be told again.
        source: the file, stream or camera.
        label: the action.
        time_s: when, in seconds of the source.
        time: when, in seconds since 1970; None for a file.
        peak: the best score so far.
        duration_s: seconds since the start; at a start, for how long it has been seen already.
        region: the part of the picture where it is; None is all of it.
        priority: how urgent it is; None is "normal".
        still: its picture, a JPEG in base64, in a post that is to have it.
        still_url: the address of its picture, likewise.
        verdict: what a second look said; None if there was none.
    """

    event: Literal["start", "repeat", "end"]
    source: str
    label: str
    time_s: float
    time: float | None
    peak: float
    duration_s: float
    region: str | None = None
    priority: Priority | None = None
    still: str | None = field(default=None, repr=False)
    still_url: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class StreamState:
    """A change in what a live stream is doing.

    Attributes:
        source: the stream or camera.
        state: "connecting", "live", "stalled" (no new picture comes), "lost" (it broke off and will
            be reopened) or "ended" (it will not come back).
        reason: why, in words; may be empty.
        time: when, in seconds since 1970.
    """

    source: str
    state: StreamCondition
    reason: str
    time: float


@dataclass(frozen=True)
class Duty:
    """Whether a stream makes events, and why not.

    Attributes:
        source: the stream or camera.
        armed: whether people want it to.
        scheduled: whether it is within its schedule.
        time: since when, in seconds since 1970.
    """

    source: str
    armed: bool
    scheduled: bool
    time: float

    @property
    def on(self) -> bool:
        """Whether it makes events."""
        return self.armed and self.scheduled


@dataclass(frozen=True)
class Overload:
    """A change in how much of what was asked for this machine can do.

    Attributes:
        share: the share of the sampling rate that live streams get now; 1 is all of it.
        time: when, in seconds since 1970.
    """

    share: float
    time: float


Message = Recognition | ActionEvent | StreamState | Duty | Overload


def place_of(message: Recognition | ActionEvent) -> str:
    """Return the source of a message, with the region where there is one."""
    return f"{message.source}/{message.region}" if message.region else message.source


def to_json(message: Message) -> str:
    """Return a message as one JSON line (without the line's end)."""
    return json.dumps(
        msgspec.to_builtins(_message_of(message)), ensure_ascii=False, allow_nan=False
    )


def _message_of(message: Message) -> msgspec.Struct:
    match message:
        case Recognition():
            return _result_of(message)
        case ActionEvent():
            return messages.Event(
                event=message.event,
                source=message.source,
                label=message.label,
                time_s=round(message.time_s, 3),
                time=_rounded(message.time, 3),
                peak=round(message.peak, 4),
                duration=round(message.duration_s, 3),
                region=_given(message.region),
                priority=msgspec.UNSET if message.priority is None else message.priority,
                still=_given(message.still),
                still_url=_given(message.still_url),
                second_look=_second_look(message.verdict),
            )
        case Duty():
            return messages.DutyChange(
                source=message.source,
                on=message.on,
                armed=message.armed,
                scheduled=message.scheduled,
                time=round(message.time, 3),
            )
        case StreamState():
            return messages.StreamChange(
                source=message.source,
                state=message.state,
                reason=message.reason,
                time=round(message.time, 3),
            )
        case Overload():
            return messages.OverloadChange(
                share=round(message.share, 3), time=round(message.time, 3)
            )


def _result_of(found: Recognition) -> messages.Result:
    return messages.Result(
        source=found.source,
        window=(round(found.start_s, 3), round(found.end_s, 3)),
        frames=found.frames,
        label=found.label,
        score=round(found.score, 4),
        decision=found.decision,
        top=tuple(
            messages.TopLabel(s.label, round(s.score, 4), round(s.similarity, 4)) for s in found.top
        ),
        gap=round(found.gap_s, 3),
        encoded=found.encoded,
        rate_fps=_rounded(found.rate_fps, 3),
        time=_rounded(found.time, 3),
        age_ms=_rounded(found.age_ms, 1),
        explanation=_explained(found.explanation) if found.explanation else msgspec.UNSET,
        region=_given(found.region),
        rival=msgspec.UNSET if found.rival is None else found.rival,
    )


def _explained(explanation: Explanation) -> messages.ExplainedLabel:
    frames = (
        messages.ExplainedFrame(
            time_s=round(frame.time_s, 3),
            weight=round(frame.weight, 4),
            attribute=frame.attribute,
            similarity=round(frame.similarity, 4),
            patch=frame.patch,
        )
        for frame in explanation.frames
    )
    return messages.ExplainedLabel(explanation.label, tuple(frames))


def _second_look(verdict: Verdict | None) -> messages.SecondLook | msgspec.UnsetType:
    if verdict is None:
        return msgspec.UNSET
    return messages.SecondLook(
        answer=verdict.answer,
        by=verdict.by,
        score=_rounded(verdict.score, 4),
        said=verdict.said,
    )


def _given(text: str | None) -> str | msgspec.UnsetType:
    return msgspec.UNSET if text is None else text


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
