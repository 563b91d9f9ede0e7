"""Asks an archive: for actions by text, or for more of an example."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...bundle.manifest import FRAME_EMBEDDING, SamplingSpec
from ...callbacks import OnEmbedded
from ...decisions.calibration import Calibration
from ...decisions.policy import Policy
from ...errors import StzsarError
from ...events.moments import parse_moment, shown_moment
from ...labels.label_files import LabelsLike, labels_from
from ...text.choose_labels import choose_labels
from .finding import find_moments
from .moments import Moment
from .opening import Opened, opened
from .reading import Condition, Snapshot
from .scoring import HeadScorer, LikeScorer, Scorer

Grouping = Literal["hour", "day", "stream"]
# Each asks the index once.
MAX_ACTIONS = 256
_DAY_H = 24
_SECONDS = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What to look for, and where.

    Attributes:
        archive: its folder, or its address in an object store.
        labels: what to find: names, a label file's path, or a dict of attributes by label.
        ignore: what is ordinary, in the same forms: windows that it explains better are not found.
        like: a video file, or STREAM@TIME, a moment of the archive: find more of this instead.
        streams: only in these; none is all.
        since: only what was captured at this time or later, in seconds since 1970; never a file.
        until: only what was captured before this time.
        top: how many moments at most.
        calibration: file of thresholds: only moments above them.
        exhaustive: score every window, however large the archive is.
        bundle: the bundle that encoded; None finds it.
        shipped_attributes: use the attributes that stzsar ships for labels it knows by name.
        seen_bias: see `Recognizer.load`.
        threads: CPU threads; 0 leaves the number to the engine.
        engine: see `open_graph`.
        trust_engines: see `open_graph`.
        storage: of an object store, as lancedb takes it.
    """

    archive: str | Path
    labels: LabelsLike | None = None
    ignore: LabelsLike | None = None
    like: str | None = None
    streams: Sequence[str] = ()
    since: float | None = None
    until: float | None = None
    top: int = 20
    calibration: Path | None = None
    exhaustive: bool = False
    bundle: Path | None = None
    shipped_attributes: bool = True
    seen_bias: float | None = None
    threads: int = 0
    engine: str = "auto"
    trust_engines: bool = False
    storage: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Refuse what asks for nothing, for two things, or would have no effect.

        Raises:
            StzsarError: that is so.
        """
        if self.labels is None and self.like is None:
            raise StzsarError('Nothing is asked for: name an action, such as "somebody falls".')
        if self.like is not None:
            for option, value in (
                ("A label", self.labels),
                ("--ignore", self.ignore),
                ("--calibration", self.calibration),
                ("--seen-bias", self.seen_bias),
            ):
                if value is not None:
                    raise StzsarError(
                        f"{option} has no effect with --like, which compares frames and knows no "
                        "labels: leave one of them out."
                    )
            if not self.shipped_attributes:
                raise StzsarError("--no-attributes has no effect with --like: leave it out.")
        if self.top < 1:
            raise StzsarError(f"--top must be 1 or more, got {self.top!r}.")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise StzsarError(
                f"--until {shown_moment(self.until)} is not after --since "
                f"{shown_moment(self.since)}: swap them."
            )

    @property
    def condition(self) -> Condition:
        """Which frames may be found."""
        return Condition(streams=tuple(self.streams), since=self.since, until=self.until)


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What was found.

    Attributes:
        moments: the best first.
        bundle: the name of the bundle whose frames were searched.
        hours: how long they are together.
        frames: how many they are.
        other_frames: those of other bundles, which were not searched.
        windows: how many windows were scored.
        complete: whether these were all windows.
        promise: with a calibration, what rate of false hits its thresholds are for.
    """

    moments: tuple[Moment, ...]
    bundle: str
    hours: float
    frames: int
    other_frames: int
    windows: int
    complete: bool
    promise: str | None = None

    def counts(self, by: Grouping) -> dict[str, int]:
        """Return how many moments each hour of the day, day or stream has.

        Hours and days are those of this machine; a file's are not known.
        """
        return dict(sorted(Counter(_group(moment, by) for moment in self.moments).items()))


def search(
    options: SearchOptions,
    progress: OnEmbedded | None = None,
    go_on: Callable[[], object] = lambda: None,
) -> SearchResult:
    """Find the moments of an archive that show an action, or that look like an example.

    Args:
        options: what to look for, and where.
        progress: called with how many texts are embedded, and of how many, if any must be.
        go_on: called again and again meanwhile; what it raises ends the search.

    Raises:
        StzsarError: the archive, the bundle, the labels, the calibration or the example cannot be
            used, or a stream is unknown.
    """
    archive = opened(options.archive, options.bundle, options.storage)
    snapshot = archive.snapshot(options.condition)
    _check_streams(options, snapshot)
    calibration = Calibration.read(options.calibration) if options.calibration else None
    scorer: Scorer
    policy: Policy | None = None
    excluded: tuple[str, float] | None = None
    if options.like is not None:
        scorer, excluded = _example(options.like, archive, options)
    else:
        scorer, policy = _head(archive, options, calibration, progress)
    found = find_moments(
        snapshot,
        scorer,
        top=options.top + (excluded is not None),
        policy=policy or Policy(),
        exhaustive=options.exhaustive,
        go_on=go_on,
    )
    moments = [moment for moment in found.moments if not _is(moment, excluded)]
    return SearchResult(
        moments=tuple(moments[: options.top]),
        bundle=archive.bundle.manifest.name,
        hours=snapshot.hours,
        frames=snapshot.rows,
        other_frames=snapshot.others,
        windows=found.windows,
        complete=found.complete,
        promise=calibration and _promise(calibration, snapshot.hours),
    )


def _check_streams(options: SearchOptions, snapshot: Snapshot) -> None:
    unknown = [name for name in options.streams if name not in snapshot.streams]
    if unknown:
        known = ", ".join(f"{name!r:.80}" for name in snapshot.streams[:5])
        more = f" and {len(snapshot.streams) - 5} more" if len(snapshot.streams) > 5 else ""
        raise StzsarError(
            f"The archive {options.archive} has no stream {unknown[0]!r:.80}: it has {known}{more}."
        )


def _head(
    archive: Opened,
    options: SearchOptions,
    calibration: Calibration | None,
    progress: OnEmbedded | None,
) -> tuple[HeadScorer, Policy | None]:
    bundle = archive.bundle
    assert options.labels is not None
    labels = labels_from(options.labels)
    asked = sum(label.role == "action" for label in labels)
    if asked > MAX_ACTIONS:
        raise StzsarError(
            f"A search takes up to {MAX_ACTIONS} actions and got {asked}: name fewer, or give "
            "those that only compete to --ignore."
        )
    bank = choose_labels(
        bundle,
        labels,
        ignore=labels_from(options.ignore) if options.ignore is not None else (),
        context=calibration.context if calibration else (),
        threads=options.threads,
        progress=progress,
        shipped_attributes=options.shipped_attributes,
    )
    policy = None
    if calibration:
        policy = calibration.apply(
            _calibrated_policy(calibration), bundle.manifest, bank.labels, sampling=archive.sampling
        )
    scorer = HeadScorer(
        bundle,
        bank,
        policy=policy,
        frames=archive.sampling.frames,
        threads=options.threads,
        engine=options.engine,
        trust_engines=options.trust_engines,
        seen_bias=options.seen_bias,
    )
    return scorer, policy


def _calibrated_policy(calibration: Calibration) -> Policy:
    rules = calibration.rules
    return replace(
        Policy(),
        min_length_s=rules.min_length_s,
        cool_down_s=rules.cool_down_s,
        keep_similarity=rules.keep_similarity,
    )


def _promise(calibration: Calibration, hours: float) -> str:
    false = calibration.false_alarms_per_day * hours / _DAY_H
    return f"{calibration.promise} In the {hours:.3g} hours searched, that is {false:.2g}."


def _example(
    like: str, archive: Opened, options: SearchOptions
) -> tuple[LikeScorer, tuple[str, float] | None]:
    """Return what looks for an example, and where it lies itself if it is in the archive."""
    column = archive.embedding_name
    stream, at, moment = like.rpartition("@")
    if at and not Path(like).exists():
        snapshot = archive.snapshot(Condition())
        if stream in snapshot.streams:
            rows, time_s = _stored(snapshot, stream, moment, archive.sampling)
            return LikeScorer(like, rows, column), (stream, time_s)
    return LikeScorer(like, _encoded(Path(like), archive, options), column), None


def _stored(
    snapshot: Snapshot, stream: str, moment: str, sampling: SamplingSpec
) -> tuple[Any, float]:
    """Return the embeddings of the window that ends at a moment of a stream, and its end."""
    seconds = float(moment) if _SECONDS.fullmatch(moment) else None
    clock = parse_moment("--like", moment) if seconds is None else None
    span_s = 1.5 * sampling.window_s
    for part in snapshot.parts.values():
        if part.stream != stream:
            continue
        if seconds is not None:
            rows = snapshot.at(part.video, seconds, span_s)
        else:
            rows = snapshot.at(part.video, clock or 0.0, span_s, column="clock")
        if rows and len(rows) >= sampling.frames:
            last = rows.values[snapshot.embedding_name][-sampling.frames :]
            return last, float(rows.times_s[-1])
    raise StzsarError(
        f"The archive has no window of {sampling.frames} frames of {stream!r:.80} that ends at "
        f"{moment}: name a time that it has, such as {stream}@12.5."
    )


def _encoded(path: Path, archive: Opened, options: SearchOptions) -> Any:
    """Return the embeddings of a window of frames that are spread over a clip, [T, D]."""
    from ...recognizer import Recognizer
    from ...sources.clips import read_clip

    bundle = archive.bundle
    if not path.exists():
        raise StzsarError(
            f"--like takes a video file or STREAM@TIME, and {str(path)!r:.200} is neither "
            "a file nor a moment of a stream of the archive."
        )
    clip = read_clip(path, frames=archive.sampling.frames, size_px=bundle.manifest.pixels.size_px)
    recognizer = Recognizer.load(
        bundle, threads=options.threads, engine=options.engine, trust_engines=options.trust_engines
    )
    name = archive.embedding_name
    encoded = recognizer.scorer.encode(clip.images_thwc, features=name == FRAME_EMBEDDING)
    return np.asarray(encoded[name], np.float32)


def _is(moment: Moment, place: tuple[str, float] | None) -> bool:
    return place is not None and (
        moment.stream == place[0] and moment.start_s <= place[1] <= moment.end_s
    )


def _group(moment: Moment, by: Grouping) -> str:
    if by == "stream":
        return moment.stream
    if moment.peak_clock is None:
        return "not known"
    day, clock = shown_moment(moment.peak_clock).split()
    return day if by == "day" else clock[:2]
