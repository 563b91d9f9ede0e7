"""Accuracy beside speed: parity of the bundle with torch, and top-1 and top-5 on labelled clips."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runtime.bundle.bundle import PARITY, Bundle
from ...runtime.errors import SourceError
from ...runtime.recognizer import Recognizer
from ...runtime.text.choose_labels import choose_labels
from ...train.lists.clip import Clip
from ...train.lists.clip_set import find_clips

_TOP = 5


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How a bundle's graphs agreed with the network that they were made from, at its export.

    Attributes:
        windows: how many were compared.
        smallest_cosine: of any output of any graph.
        scores: the largest difference of a score, end to end.
        top1: the share of windows with the same best label, end to end.
    """

    windows: int
    smallest_cosine: float
    scores: float
    top1: float


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How often a bundle was right about whole files.

    Attributes:
        clips: those that were judged.
        labels: how many competed: the classes of the data.
        top1: the share whose label came first.
        top5: the share whose label was among the first five.
        broken: files that gave no frames, and are not counted in.
        damaged: files that were judged by what could be decoded of them.
    """

    clips: int
    labels: int
    top1: float
    top5: float
    broken: tuple[str, ...]
    damaged: tuple[str, ...]


def read_parity(bundle: Bundle) -> Parity | None:
    """Return what the bundle's own report says; None if it has none that is complete."""
    try:
        told: Any = json.loads((bundle.path / PARITY).read_text(encoding="utf-8"))
        end_to_end = next(name for name in told["top1_agreement"] if name.startswith("end"))
        return Parity(
            windows=int(told["windows"]),
            smallest_cosine=min(float(d["cosine"]) for d in told["differences"].values()),
            scores=float(told["differences"][f"{end_to_end}.scores"]["absolute"]),
            top1=float(told["top1_agreement"][end_to_end]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None


def check_data(bundle: Bundle, data: Path) -> None:
    """Refuse clips that could not be judged, before anything takes long.

    Raises:
        StzsarError: there are none, they are of one class, or the bundle cannot know their classes.
    """
    classes = sorted({clip.label for clip in _clips(data)})
    if len(classes) == 1:
        raise SourceError(
            f"{data} has clips of one class, {classes[0]!r}, for which nothing else could be "
            "taken: give several."
        )
    if bundle.manifest.text is None:
        choose_labels(bundle, classes)


def judge(
    bundle: Bundle, data: Path, *, engine: str, threads: int, trust_engines: bool
) -> tuple[Recognizer, tuple[Clip, ...]]:
    """Return the bundle with the classes of the data as its labels, and the data's clips.

    Raises:
        StzsarError: there is no data, or the bundle cannot recognise its classes.
    """
    clips = _clips(data)
    recognizer = Recognizer.load(
        bundle,
        sorted({clip.label for clip in clips}),
        top_k=_TOP,
        engine=engine,
        threads=threads,
        trust_engines=trust_engines,
    )
    return recognizer, clips


def _clips(data: Path) -> tuple[Clip, ...]:
    found = find_clips(data)
    if found.missing:
        raise SourceError(
            f"{data} names {len(found.missing)} missing files, the first is {found.missing[0]}."
        )
    return found.clips


def accuracy(
    recognizer: Recognizer, clips: tuple[Clip, ...], advance: Callable[[], None] = lambda: None
) -> Accuracy:
    """Classify whole files, and count.

    Raises:
        SourceError: no clip gives frames.
    """
    first = among = judged = 0
    broken: list[str] = []
    damaged: list[str] = []
    for clip in clips:
        try:
            read = recognizer.read_clip(clip.path)
        except SourceError:
            broken.append(str(clip.path))
            continue
        finally:
            advance()
        if read.damage:
            damaged.append(str(clip.path))
        found = recognizer.classify_clip(read, str(clip.path))
        judged += 1
        first += found.label == clip.label
        among += any(score.label == clip.label for score in found.top)
    if not judged:
        raise SourceError(f"No clip of {len(clips)} gives frames: convert them.")
    return Accuracy(
        clips=judged,
        labels=len(recognizer.labels),
        top1=first / judged,
        top5=among / judged,
        broken=tuple(broken),
        damaged=tuple(damaged),
    )
