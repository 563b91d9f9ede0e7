"""The test itself: reads and scores each clip once, for every contest it is in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from rich.progress import track

from ...runtime.errors import SourceError, StzsarError
from ...runtime.sources.clips import Views, read_views
from ...runtime.sources.video_file import VideoSource
from ...runtime.terminal.commandline import console, log
from ..lists.clip import Clip
from ..lists.clip_set import ClipSet
from ..seen_curve import SeenCurve
from .arithmetic import Predictions, pooled_scores, predict
from .model import Array, Classifier
from .protocols import Contest
from .views import VIEWS

# Clips that each reader decodes ahead; they wait in memory.
_AHEAD = 2
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class ViewSpec:
    """The views of a clip: `clips` in time times `crops` in space, T frames of S px each."""

    frames: int
    size_px: int
    clips: int = 1
    crops: int = 1
    view: str = "stzsar"  # whose, see `views.VIEWS`

    def read(self, path: Path) -> Views:
        """Read the views of a file.

        Raises:
            SourceError: the file cannot be read.
        """
        view = VIEWS[self.view]
        return read_views(
            path,
            choose=lambda count: view.choose(count, self.frames, self.clips),
            fit=lambda image_hwc: view.fit(image_hwc, self.size_px, self.crops),
            frames=self.frames,
        )


@dataclass(frozen=True, eq=False)
class ContestResult:
    contest: Contest  # the contest
    clips: tuple[int, ...]  # indices of its clips in the set, without unreadable ones
    head: Predictions  # the head's predictions
    voting: Predictions | None  # of frame voting; None if the model does not support it
    curve: SeenCurve | None  # of the head in a generalised contest; None in others


@dataclass(frozen=True)
class Outcome:
    """The results of all contests in their order, and descriptions of broken and damaged files.

    Broken files gave no frames and were left out; damaged files were scored by the frames they
    have.
    """

    results: tuple[ContestResult, ...]
    broken: tuple[str, ...]
    damaged: tuple[str, ...]


def check_files(clips: Sequence[Clip], *, readers: int) -> None:
    """Decode a frame of each clip, to report broken files before hours of work.

    Raises:
        SourceError: some files cannot be read.
    """
    problems = _prefetch([clip.path for clip in clips], _problem, readers)
    broken = [problem for problem in _track(problems, "looking at files", len(clips)) if problem]
    if broken:
        raise SourceError(
            f"Cannot read {len(broken)} of {len(clips)} clips. Replace them, or test without them "
            f"with --allow-missing. The first: {broken[0]}"
        )


def run_contests(
    classifier: Classifier,
    clips: ClipSet,
    contests: Sequence[Contest],
    views: ViewSpec,
    *,
    readers: int = 1,
    allow_broken: bool = False,
    draw: Callable[[int], Views] | None = None,
) -> Outcome:
    """Score every clip once for all contests.

    `readers` threads decode; they do not change the results. `allow_broken` leaves unreadable files
    out instead of raising. `draw` gives the views of a clip that is no file.

    Raises:
        SourceError: a file cannot be read.
        StzsarError: all clips of a contest are unreadable, or the model fails.
    """
    contests_of: dict[int, list[_Tally]] = {}
    tallies = [_Tally(contest) for contest in contests]
    for tally in tallies:
        for index in tally.contest.clips:
            contests_of.setdefault(index, []).append(tally)
    order = sorted(contests_of)
    broken: list[str] = []
    damaged: list[str] = []

    def read(index: int) -> Views | SourceError:
        return draw(index) if draw else _read(clips.clips[index].path, views)

    decoded = zip(order, _prefetch(order, read, readers), strict=True)
    for index, seen in _track(decoded, "testing ", len(order)):
        if isinstance(seen, SourceError):
            if not allow_broken:
                raise seen
            broken.append(str(seen))
            log.warning("Left out: %s", seen)
            continue
        if seen.damage:
            damaged.append(str(seen.damage))
            log.warning("%s", seen.damage)
        scores = classifier.score(seen.images_vthwc)
        for tally in contests_of[index]:
            tally.add(index, clips.rows[index], scores.head_vc, scores.voting_fc)
    return Outcome(tuple(tally.result() for tally in tallies), tuple(broken), tuple(damaged))


@dataclass
class _Tally:
    contest: Contest
    clips: list[int] = field(default_factory=list)
    head: list[tuple[int, int, int]] = field(default_factory=list)
    voting: list[tuple[int, int, int]] = field(default_factory=list)
    curves: list[SeenCurve] = field(default_factory=list)

    def add(self, index: int, truth: int, head_vc: Array, voting_fc: Array | None) -> None:
        self.clips.append(index)
        self.head.append(self._predict(head_vc, truth))
        if self.contest.seen:
            candidates = np.asarray(self.contest.candidates)
            scores_c = pooled_scores(head_vc[:, candidates])
            place = np.flatnonzero(candidates == truth)
            is_seen = np.isin(candidates, self.contest.seen)
            self.curves.append(SeenCurve.of(scores_c[None], place, is_seen))
        if voting_fc is not None:
            self.voting.append(self._predict(voting_fc, truth))

    def result(self) -> ContestResult:
        if not self.clips:
            raise StzsarError(f"Cannot read any clip of {self.contest.name}. Replace the files.")
        voting = _predictions(self.voting) if self.voting else None
        curve = SeenCurve.joined(self.curves) if self.curves else None
        return ContestResult(
            self.contest, tuple(self.clips), _predictions(self.head), voting, curve
        )

    def _predict(self, logits_rc: Array, truth: int) -> tuple[int, int, int]:
        candidates = list(self.contest.candidates)
        best, rank = predict(pooled_scores(logits_rc[:, candidates]), candidates.index(truth))
        return truth, candidates[best], rank


def _predictions(rows: Sequence[tuple[int, int, int]]) -> Predictions:
    return Predictions(*np.asarray(rows, np.int64).T)


def _read(path: Path, views: ViewSpec) -> Views | SourceError:
    """Return the views, or the error as a value: the consumer decides what to do with it."""
    try:
        return views.read(path)
    except SourceError as error:
        return error


def _problem(path: Path) -> str | None:
    try:
        VideoSource.open(path).close()
    except SourceError as error:
        return str(error)
    return None


def _track(items: Iterable[Item], description: str, total: int) -> Iterable[Item]:
    quiet = not console.is_terminal
    return track(items, description, total, console=console, transient=True, disable=quiet)


def _prefetch(
    items: Sequence[Item], make: Callable[[Item], Result], readers: int
) -> Iterator[Result]:
    """Yield `make(item)` for each item in order, computed ahead in threads."""
    with ThreadPoolExecutor(readers) as pool:
        waiting: list[Future[Result]] = []
        try:
            for item in items:
                waiting.append(pool.submit(make, item))
                if len(waiting) > readers * _AHEAD:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
