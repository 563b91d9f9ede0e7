"""Accuracy beside speed: the bundle's parity with torch, and top-1 and top-5 on labelled clips."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runtime.bundle.bundle import PARITY, Bundle
from ...runtime.documents import MIB, from_json, read_file
from ...runtime.errors import SourceError
from ...runtime.recognizer import Recognizer
from ...runtime.text.choose_labels import choose_labels
from ...train.lists.clip import Clip
from ...train.lists.clip_set import find_clips
from .options import Options

_TOP = 5


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How the bundle's graphs agreed with torch when they were exported."""

    windows: int  # how many were compared
    smallest_cosine: float  # of any output of any graph
    scores: float  # largest difference of a score, end to end
    top1: float  # share of windows with the same best label, end to end


@dataclass(frozen=True, kw_only=True)
class Judged:
    clips: int  # files that were judged
    labels: int  # classes of the data, all of which compete
    top1: float  # share whose label came first
    top5: float  # share whose label was among the first five
    broken: tuple[str, ...]  # files without frames, which do not count
    damaged: tuple[str, ...]  # files that were judged by the frames before the damage


def read_parity(bundle: Bundle) -> Parity | None:
    """Return the bundle's own report; None if it has no complete one."""
    try:
        report: Any = from_json(read_file(bundle.path / PARITY, MIB), dict[str, Any])
        end_to_end = next(name for name in report["top1_agreement"] if name.startswith("end"))
        return Parity(
            windows=int(report["windows"]),
            smallest_cosine=min(float(d["cosine"]) for d in report["differences"].values()),
            scores=float(report["differences"][f"{end_to_end}.scores"]["absolute"]),
            top1=float(report["top1_agreement"][end_to_end]),
        )
    except (
        OSError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        StopIteration,
    ):
        return None


def labelled_clips(bundle: Bundle, data: Path) -> tuple[Clip, ...]:
    """Return the labelled clips, and refuse what could not be judged."""
    found = find_clips(data)
    if found.missing:
        raise SourceError(
            f"{data} names {len(found.missing)} missing files, the first is {found.missing[0]}: "
            "restore them, or remove their lines."
        )
    clips = found.clips
    classes = sorted({clip.label for clip in clips})
    if len(classes) == 1:
        raise SourceError(
            f"{data} has only the class {classes[0]!r}, so every answer would be right: add clips "
            "of other classes."
        )
    if bundle.manifest.text is None:
        choose_labels(bundle, classes)
    return clips


def judge(
    bundle: Bundle, clips: tuple[Clip, ...], options: Options, after_each: Callable[[], object]
) -> Judged:
    recognizer = Recognizer.load(
        bundle,
        sorted({clip.label for clip in clips}),
        top_k=_TOP,
        engine=options.engine,
        threads=options.threads,
        trust_engines=options.trust_engines,
    )
    ranks: list[int] = []
    broken: list[str] = []
    damaged: list[str] = []
    for clip in clips:
        try:
            read = recognizer.read_clip(clip.path)
        except SourceError:
            broken.append(str(clip.path))
            continue
        finally:
            after_each()
        if read.damage:
            damaged.append(str(clip.path))
        best = [score.label for score in recognizer.classify_clip(read, str(clip.path)).top]
        ranks.append(best.index(clip.label) if clip.label in best else _TOP)
    if not ranks:
        raise SourceError(f"None of the {len(clips)} clips has frames: convert them.")
    return Judged(
        clips=len(ranks),
        labels=len(recognizer.labels),
        top1=sum(rank == 0 for rank in ranks) / len(ranks),
        top5=sum(rank < _TOP for rank in ranks) / len(ranks),
        broken=tuple(broken),
        damaged=tuple(damaged),
    )
