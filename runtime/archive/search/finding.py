"""From candidates to moments: windows around candidate frames are scored, then merged."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby

from ...decisions.policy import Policy
from .moments import Moment, WindowScore, best, merged
from .reading import Condition, Part, Snapshot
from .scoring import Scorer

# An archive of so few frames has each of its windows scored.
ALL_WINDOWS = 1000
# Windows that are scored around candidates; nearer candidates come first.
MOST_WINDOWS = 500
# Candidate frames for each query.
CANDIDATES = 500
# How often moments at the edge of what is scored are followed further, by a few windows each time.
_ROUNDS, _STEP_WINDOWS = 16, 2


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found, and how.

    Attributes:
        moments: the best first.
        windows: how many windows were scored.
        complete: whether these were all windows.
    """

    moments: list[Moment]
    windows: int
    complete: bool


@dataclass
class _VideoScores:
    """The windows of one video that are scored so far; spans are of their last frames."""

    part: Part
    snapshot: Snapshot
    scorer: Scorer
    scores: dict[int, WindowScore] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)
    scored: int = 0

    def score(self, first: int, last: int) -> int:
        """Score the windows that end with frames `first` to `last`; return how many are new."""
        before = self.scored
        for start, end in _missing(self.spans, max(0, first), last):
            rows = self.snapshot.read(self.part.video, start - self.scorer.frames + 1, end)
            if rows:
                # The first frames only fill the window, unless they begin the video.
                self.scored += int((rows.frames >= start).sum())
                for window in self.scorer.score(rows):
                    if window.frame >= start:
                        self.scores[window.frame] = window
        self.spans = _united([*self.spans, (max(0, first), last)])
        return self.scored - before

    def score_all(self, go_on: Callable[[], object]) -> None:
        """Score every window, a piece at a time."""
        for rows in self.snapshot.pieces(self.part.video, self.scorer.frames - 1):
            go_on()
            known = len(self.scores)
            for window in self.scorer.score(rows):
                self.scores.setdefault(window.frame, window)
            self.scored += max(len(rows), len(self.scores) - known)

    def moments(self, policy: Policy, condition: Condition) -> list[Moment]:
        """Merge the windows of each label."""
        part = self.part
        order = sorted(self.scores.values(), key=lambda one: (one.label, one.frame))
        found: list[Moment] = []
        for _, same in groupby(order, key=lambda one: one.label):
            allowed = [one for one in same if condition.allows(one.clock)]
            found += merged(
                allowed, policy=policy, stream=part.stream, video=part.video, path=part.path
            )
        if policy.thresholds is None:
            return found
        # A label that was on stays on below its threshold, and that alone is no moment.
        return [moment for moment in found if moment.rank >= 0]

    def follow(self, moment: Moment) -> bool:
        """Score on where a moment reaches the edge of what is scored; whether it did."""
        step = _STEP_WINDOWS * self.scorer.frames
        first, last = moment.frames
        went_on = False
        for start, end in self.spans:
            if start <= first <= end and first == start and start > 0:
                went_on |= self.score(start - step, start - 1) > 0
            if start <= last <= end and last == end:
                went_on |= self.score(end + 1, end + step) > 0
        return went_on


def find_moments(
    snapshot: Snapshot,
    scorer: Scorer,
    *,
    top: int,
    policy: Policy,
    exhaustive: bool = False,
    go_on: Callable[[], object] = lambda: None,
) -> Found:
    """Return the best moments.

    Of a small archive all windows are scored. Of a large one those are around the frames whose
    embeddings are nearest to what is asked for, and as many more as the moments last.

    Args:
        snapshot: what is searched.
        scorer: what is asked for.
        top: how many moments at most.
        policy: what pauses end a moment.
        exhaustive: score all windows of a large archive too.
        go_on: called before each piece of work; what it raises ends the search.

    Raises:
        StzsarError: a graph fails.
    """
    complete = exhaustive or snapshot.rows <= ALL_WINDOWS
    if complete:
        return _all_moments(snapshot, scorer, top, policy, go_on)
    videos: dict[str, _VideoScores] = {}
    for video, spans in _spans(snapshot, scorer).items():
        videos[video] = _VideoScores(snapshot.parts[video], snapshot, scorer)
        for first, last in spans:
            go_on()
            videos[video].score(first, last)
    moments: list[Moment] = []
    for _ in range(_ROUNDS):
        go_on()
        moments = best(
            (one for each in videos.values() for one in each.moments(policy, snapshot.condition)),
            top,
        )
        went_on = [videos[moment.video].follow(moment) for moment in moments]
        if not any(went_on):
            break
    return Found(
        moments=moments, windows=sum(one.scored for one in videos.values()), complete=False
    )


def _all_moments(
    snapshot: Snapshot, scorer: Scorer, top: int, policy: Policy, go_on: Callable[[], object]
) -> Found:
    """Score a video after the other, and keep the best moments so far."""
    moments: list[Moment] = []
    windows = 0
    for part in snapshot.parts.values():
        video = _VideoScores(part, snapshot, scorer)
        video.score_all(go_on)
        windows += video.scored
        moments = best([*moments, *video.moments(policy, snapshot.condition)], top)
    return Found(moments=moments, windows=windows, complete=True)


def _spans(snapshot: Snapshot, scorer: Scorer) -> dict[str, list[tuple[int, int]]]:
    """Return the windows to score around candidates, by video: spans of their last frames."""
    spans: dict[str, list[tuple[int, int]]] = {}
    taken: set[tuple[str, int]] = set()
    for video, frame in snapshot.candidates(scorer.queries(), CANDIDATES):
        if len(taken) >= MOST_WINDOWS:
            break
        last = frame + scorer.frames - 1
        taken.update((video, end) for end in range(frame, last + 1))
        spans[video] = _united([*spans.get(video, ()), (frame, last)])
    return spans


def _missing(spans: list[tuple[int, int]], first: int, last: int) -> list[tuple[int, int]]:
    """Return the parts of a span that are in none of the others, which are in order."""
    found = []
    for start, end in spans:
        if end < first or start > last:
            continue
        if start > first:
            found.append((first, start - 1))
        first = end + 1
    if first <= last:
        found.append((first, last))
    return found


def _united(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
