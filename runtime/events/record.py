"""An event as it is kept, and its scores over time in a few bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..messages import VerdictAnswer

# An event may last for days: of more scores than this, every second one goes.
MOST_SCORES = 1024

# "open": it goes on. "ended": it came to its end. "cut": the run was killed while it went on.
EventState = Literal["open", "ended", "cut"]
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
        verdict: what a second look said: "yes", "no" or "unverified"; None if there was none.
        verified_by: the bundle or the language model that looked.
        verified_score: the bundle's score of the label.
        said: the model's sentence, or why it could not say.
    """

    id: int
    source: str
    address: str
    label: str
    start_s: float
    end_s: float
    time: float | None
    recorded: float
    peak: float
    bundle: str
    state: EventState = "open"
    scores: tuple[tuple[float, float], ...] = ()
    clip: str | None = None
    still: str | None = None
    annotated: str | None = None
    left_out: int = 0
    kept: bool = False
    region: str | None = None
    verdict: VerdictAnswer | None = None
    verified_by: str | None = None
    verified_score: float | None = None
    said: str | None = None

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
    """Return what `packed` was given, with three digits."""
    pairs = np.frombuffer(data[: len(data) // 8 * 8], "<f4").reshape(-1, 2)
    return tuple((round(float(s), 3), round(float(score), 4)) for s, score in pairs)


def add_score(scores: list[tuple[float, float]], at_s: float, score: float) -> None:
    """Append a score, and thin the list out where it grows too long."""
    scores.append((at_s, score))
    if len(scores) > MOST_SCORES:
        del scores[1:-1:2]
