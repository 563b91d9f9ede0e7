"""An event as it is kept, and its scores over time in a few bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from ..messages import VerdictAnswer

# An event may last for days: of more scores than this, every second one goes.
MOST_SCORES = 1024

# "open": it goes on. "ended": it came to its end. "cut": the run was killed while it went on.
EventState = Literal["open", "ended", "cut"]
# What a person said of an event: it was what it was taken for, or it was not.
Mark = Literal["right", "wrong"]
# What a reader takes from a store, which may come from a stranger.
MAX_ID = 2**53
_Text = Annotated[str, Meta(max_length=100_000)]
_Number = Annotated[float, Meta(ge=-1e12, le=1e12)]
_Moment = Annotated[float, Meta(ge=0, le=2e11)]  # the calendar of some systems ends soon after
# A day's folder and a file of ours in it; all others belong to somebody else.
FILE_PATTERN = r"^(clips|stills)/(?!\.)[^/\x00]+/\.?\d{6,16}[-.][^/\x00]*\Z"
_File = Annotated[str, Meta(max_length=1000, pattern=FILE_PATTERN)]

# What an event has besides its row, as columns of the store name it.
Part = Literal["clip", "still", "annotated"]
PARTS: tuple[Part, ...] = ("clip", "still", "annotated")


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event of the store.

    Attributes:
        id: its number; never used twice in a store.
        source: the file, stream or camera, as results name it.
        address: where that came from, without secrets.
        label: the action.
        start_s: its start, in seconds since the source's first frame.
        end_s: its end; until that is known, when it was last seen.
        time: its start in seconds since 1970; None for a file.
        recorded: when it was stored, in seconds since 1970.
        peak: its best score, 0 to 1.
        state: whether it has ended, and how.
        scores: seconds since `start_s` and the score at that time, oldest first.
        bundle: sha256 of the manifest of the bundle that recognised it.
        clip: its clip, relative to the store's folder; None if there is none.
        still: its picture at the peak, as the camera saw it.
        annotated: the same with the result drawn on it.
        left_out: pictures that its clip lacks.
        kept: whether it is a favourite, which no retention removes.
        region: the part of the picture where it is; None is all of it.
        priority: how urgent it is; None is "normal".
        verdict: what a second look said: "yes", "no" or "unverified"; None if there was none.
        verified_by: the bundle or the language model that looked.
        verified_score: the bundle's score of the label.
        said: the model's sentence, or why it could not say.
        mark: what a person said of it; None is nothing.
    """

    id: Annotated[int, Meta(ge=1, le=MAX_ID)]
    source: _Text
    address: _Text
    label: _Text
    start_s: _Number
    end_s: _Number
    time: _Moment | None
    recorded: _Moment
    peak: _Number
    bundle: _Text
    state: EventState = "open"
    scores: tuple[tuple[float, float], ...] = ()
    clip: _File | None = None
    still: _File | None = None
    annotated: _File | None = None
    left_out: Annotated[int, Meta(ge=0, le=MAX_ID)] = 0
    kept: bool = False
    region: _Text | None = None
    priority: _Text | None = None
    verdict: VerdictAnswer | None = None
    verified_by: _Text | None = None
    verified_score: _Number | None = None
    said: _Text | None = None
    mark: Mark | None = None

    @property
    def duration_s(self) -> float:
        """How long it lasted, in seconds."""
        return self.end_s - self.start_s

    @property
    def when(self) -> float:
        """When it happened, in seconds since 1970; of a file, when it was stored."""
        return self.recorded if self.time is None else self.time


def packed(scores: Sequence[tuple[float, float]]) -> bytes:
    """Return scores over time as bytes, eight for each."""
    return np.asarray(scores, "<f4").tobytes()


def unpacked(data: bytes) -> tuple[tuple[float, float], ...]:
    """Return what `packed` was given, with three digits.

    Raises:
        ValueError: no scores were packed into it.
    """
    if len(data) % 8 or len(data) > 8 * MOST_SCORES:
        raise ValueError("scores: no pairs of numbers")
    pairs = np.frombuffer(data, "<f4").reshape(-1, 2)
    if not np.isfinite(pairs).all():
        raise ValueError("scores: not finite")
    return tuple((round(float(s), 3), round(float(score), 4)) for s, score in pairs)


def add_score(scores: list[tuple[float, float]], at_s: float, score: float) -> None:
    """Append a score, and thin the list out where it grows too long."""
    scores.append((at_s, score))
    if len(scores) > MOST_SCORES:
        del scores[1:-1:2]
