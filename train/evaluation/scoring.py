"""The test itself: each clip is read and scored once, and judged in every contest it is in."""

from collections.abc import Callable, Iterator, Sequence
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
from .arithmetic import Verdicts, judge, pooled_scores
from .model import Array, Classifier
from .protocols import Contest

# Clips that are read ahead of the one that is scored, for each reader: they wait in memory.
_AHEAD = 2
Item = TypeVar("Item")
Made = TypeVar("Made")


@dataclass(frozen=True)
class ViewSpec:
    """How a clip is looked at: `clips` times in time by `crops` in space, T frames of S px each."""

    frames: int
    size_px: int
    clips: int = 1
    crops: int = 1


@dataclass(frozen=True, eq=False)
class ContestResult:
    """What came out of one contest.

    Attributes:
        contest: which.
        clips: where its clips stand in the set, those left out that cannot be read.
        head: what the head said of them.
        voting: what their frames voted for; None if the model gives no such votes.
    """

    contest: Contest
    clips: tuple[int, ...]
    head: Verdicts
    voting: Verdicts | None


@dataclass(frozen=True)
class Outcome:
    """All contests, and the files that were not as they should be.

    Attributes:
        results: of the contests, in their order.
        broken: what is wrong with each file that gave no frames, and was left out.
        damaged: what is wrong with each file that was judged by the frames that it has.
    """

    results: tuple[ContestResult, ...]
    broken: tuple[str, ...]
    damaged: tuple[str, ...]


def check_files(clips: Sequence[Clip], *, readers: int) -> None:
    """Decode a frame of each clip, so that broken files are told before hours of work.

    Raises:
        SourceError: some give none.
    """
    found = _ahead([clip.path for clip in clips], _complaint, readers)
    quiet = not console.is_terminal
    shown = track(
        found, "looking at files", len(clips), console=console, transient=True, disable=quiet
    )
    broken = [complaint for complaint in shown if complaint]
    if broken:
        raise SourceError(
            f"{len(broken)} of {len(clips)} clips cannot be read: replace them, or test without "
            f"them with --allow-missing. The first: {broken[0]}"
        )


def run_contests(
    classifier: Classifier,
    clips: ClipSet,
    contests: Sequence[Contest],
    views: ViewSpec,
    *,
    readers: int = 1,
    allow_broken: bool = False,
) -> Outcome:
    """Score the clips, each once for all contests.

    Args:
        classifier: its labels are the rows that contests name.
        clips: the set.
        contests: which clips compete among which rows.
        views: how clips are looked at.
        readers: threads that decode; the results do not depend on their number.
        allow_broken: whether to leave out what cannot be read, where that is an error otherwise.

    Raises:
        SourceError: a file cannot be read.
        StzsarError: no clip of a contest can be read, or the model fails.
    """
    contests_of: dict[int, list[int]] = {}
    for number, contest in enumerate(contests):
        for place in contest.clips:
            contests_of.setdefault(place, []).append(number)
    boxes = [_Box(contest) for contest in contests]
    order = sorted(contests_of)
    broken: list[str] = []
    damaged: list[str] = []

    def read(place: int) -> Views | SourceError:
        return _read(clips.clips[place].path, views)

    quiet = not console.is_terminal
    found = zip(order, _ahead(order, read, readers), strict=True)
    for place, seen in track(
        found, "testing ", len(order), console=console, transient=True, disable=quiet
    ):
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
        for number in contests_of[place]:
            boxes[number].add(place, clips.rows[place], scores.head_vc, scores.voting_fc)
    return Outcome(tuple(box.result() for box in boxes), tuple(broken), tuple(damaged))


@dataclass
class _Box:
    """The verdicts of one contest while it runs."""

    contest: Contest
    clips: list[int] = field(default_factory=list)
    head: list[tuple[int, int, int]] = field(default_factory=list)
    voting: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, place: int, truth: int, head_vc: Array, voting_fc: Array | None) -> None:
        self.clips.append(place)
        self.head.append(self._judge(head_vc, truth))
        if voting_fc is not None:
            self.voting.append(self._judge(voting_fc, truth))

    def result(self) -> ContestResult:
        if not self.clips:
            raise StzsarError(f"No clip of {self.contest.name} can be read: replace the files.")
        voting = _verdicts(self.voting) if self.voting else None
        return ContestResult(self.contest, tuple(self.clips), _verdicts(self.head), voting)

    def _judge(self, logits_rc: Array, truth: int) -> tuple[int, int, int]:
        candidates = list(self.contest.candidates)
        best, rank = judge(pooled_scores(logits_rc[:, candidates]), candidates.index(truth))
        return truth, candidates[best], rank


def _verdicts(rows: Sequence[tuple[int, int, int]]) -> Verdicts:
    truth, best, rank = np.asarray(rows, np.int64).T
    return Verdicts(truth, best, rank)


def _read(path: Path, views: ViewSpec) -> Views | SourceError:
    """Return a clip's views, or why there are none: threads hand it over, and others decide."""
    try:
        return read_views(
            path,
            frames=views.frames,
            size_px=views.size_px,
            clips=views.clips,
            crops=views.crops,
        )
    except SourceError as error:
        return error


def _complaint(path: Path) -> str | None:
    try:
        VideoSource.open(path).close()
    except SourceError as error:
        return str(error)
    return None


def _ahead(items: Sequence[Item], make: Callable[[Item], Made], readers: int) -> Iterator[Made]:
    """Yield what `make` makes of the items, in their order, made ahead by threads."""
    with ThreadPoolExecutor(readers) as pool:
        waiting: list[Future[Made]] = []
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
