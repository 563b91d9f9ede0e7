"""Moments: when something is seen, merged from the scores of windows."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...decisions.policy import Policy, lower_bound


@dataclass(frozen=True, kw_only=True)
class WindowScore:
    """What the head says of one label in one window, as a replay says it."""

    label: str
    frame: int  # number of its last frame in the video
    start_s: float  # time of its first frame in the source
    end_s: float  # time of its last frame
    clock: float | None  # when the last one was captured, in seconds since 1970; None for a file
    score: float  # among all labels that compete
    similarity: float
    rank: float  # what moments are ordered by: similarity, or evidence above a threshold


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When something is seen.

    Attributes:
        stream: the source, a file's path or a live stream's name.
        video: the id of the video.
        path: the file, if it is one.
        label: what is seen.
        start_s: time of its first frame in the source, in seconds.
        end_s: time of its last frame.
        peak_s: time of the last frame of its best window.
        peak: the score of that window, as a replay gives it.
        similarity: the similarity of that window.
        rank: what moments are ordered by: the similarity, or with a calibration how far the
            evidence is above the threshold.
        start_clock: when it began, in seconds since 1970; None for a file.
        end_clock: when it ended.
        peak_clock: when its best window ended.
        windows: the time and score of each window, oldest first.
        frames: numbers of the last frames of its first and its last window, in the video.
        still: a picture as JPEG, if there is one.
    """

    stream: str
    video: str
    path: str | None
    label: str
    start_s: float
    end_s: float
    peak_s: float
    peak: float
    similarity: float
    rank: float
    start_clock: float | None = None
    end_clock: float | None = None
    peak_clock: float | None = None
    windows: tuple[tuple[float, float], ...] = ()
    frames: tuple[int, int] = (0, 0)
    still: bytes | None = None

    @property
    def duration_s(self) -> float:
        """How long it lasts, in seconds."""
        return self.end_s - self.start_s


def merged(
    windows: Sequence[WindowScore], *, policy: Policy | None = None, **where: Any
) -> list[Moment]:
    """Return the moments of one label in one video, the best first.

    A moment goes from a peak to both sides for as long as windows follow each other without a pause
    and fit nearly as well as the peak: what keeps a label on in a run (`Policy.keep_similarity`)
    keeps windows in a moment. What is nearer to a moment than the pause that ends an event is none
    of its own.

    Args:
        windows: of one label, oldest first; those that another label wins are left out.
        policy: whose pause and share count; None is the usual one.
        where: `stream`, `video` and `path` of the moments.
    """
    policy = policy or Policy()
    ends = [window.end_s for window in windows]
    free = [True] * len(windows)
    found: list[Moment] = []
    for peak in sorted(range(len(windows)), key=lambda at: -windows[at].rank):
        if not free[peak]:
            continue
        least = lower_bound(windows[peak].similarity, policy.keep_similarity)
        first, last = peak, peak
        while first and _goes_on(windows, first - 1, first, free[first - 1], least, policy):
            first -= 1
        while last + 1 < len(windows) and _goes_on(
            windows, last, last + 1, free[last + 1], least, policy, new=last + 1
        ):
            last += 1
        found.append(_moment(windows[first : last + 1], windows[peak], where))
        left = bisect.bisect_right(ends, ends[first] - policy.cool_down_s)
        right = bisect.bisect_left(ends, ends[last] + policy.cool_down_s)
        for at in range(min(left, first), max(right, last + 1)):
            free[at] = False
    return found


def _goes_on(
    windows: Sequence[WindowScore],
    before: int,
    after: int,
    free: bool,
    least: float,
    policy: Policy,
    *,
    new: int | None = None,
) -> bool:
    """Whether a moment takes one more window: the earlier of two, or `new`."""
    pause = windows[after].end_s - windows[before].end_s
    taken = windows[before if new is None else new]
    return free and taken.similarity >= least and pause < policy.cool_down_s


def _moment(windows: Sequence[WindowScore], peak: WindowScore, where: dict[str, Any]) -> Moment:
    first, last = windows[0], windows[-1]
    return Moment(
        **where,
        label=peak.label,
        start_s=first.start_s,
        end_s=last.end_s,
        peak_s=peak.end_s,
        peak=peak.score,
        similarity=peak.similarity,
        rank=peak.rank,
        # A window's clock is that of its last frame; a source's seconds are as long as a clock's.
        start_clock=None if first.clock is None else first.clock - (first.end_s - first.start_s),
        end_clock=last.clock,
        peak_clock=peak.clock,
        windows=tuple((window.end_s, window.score) for window in windows),
        frames=(first.frame, last.frame),
    )


def best(moments: Iterable[Moment], count: int | None) -> list[Moment]:
    """Return the best moments of all, `count` at most; equal ones by their place."""
    order = sorted(moments, key=lambda one: (-one.rank, one.stream, one.start_s, one.label))
    return order if count is None else order[:count]


def with_still(moment: Moment, still: bytes | None) -> Moment:
    """Return a moment with its picture."""
    return replace(moment, still=still)
