"""Whole clips: each gets one result, from T frames spread over it."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import Manifest
from ..decisions.policy import Policy
from ..results import Recognition
from ..scoring.scorer import Scorer
from ..scoring.window import FrameRing
from ..sources.clips import Clip
from ..sources.given import ClipLike, clip_from

Array = npt.NDArray[Any]

log = logging.getLogger(__name__)


def classify_clips(
    scorer: Scorer, manifest: Manifest, clips: Sequence[ClipLike], policy: Policy, *, top_k: int
) -> list[Recognition]:
    """Return a result with its decision for each clip; a few clips are encoded together.

    Raises:
        SourceError: one is no clip, or none of its frames can be decoded.
    """
    at_once = max(1, scorer.batch // manifest.sampling.frames)
    results: list[Recognition] = []
    for start in range(0, len(clips), at_once):
        some = [_read(clip, manifest) for clip in clips[start : start + at_once]]
        states = scorer.encode(np.concatenate([clip.images_thwc for clip, _ in some]))
        for number, (clip, name) in enumerate(some):
            rows = slice(number * len(clip.images_thwc), (number + 1) * len(clip.images_thwc))
            ring = ring_of({state: values[rows] for state, values in states.items()}, clip)
            found = scorer.recognize(name, ring, top_k=max(top_k, policy.labels_needed))
            results.append(found.decided_on(policy.decide(found, None), top_k))
    return results


def ring_of(states: dict[str, Array], clip: Clip) -> FrameRing:
    """Return the window of a clip's frame states, float32 [T, …] each."""
    times_s = np.linspace(clip.start_s, clip.end_s, len(clip.images_thwc)).tolist()
    return FrameRing.of(states, times_s)


def _read(clip: ClipLike, manifest: Manifest) -> tuple[Clip, str]:
    sampling, size_px = manifest.sampling, manifest.pixels.size_px
    read, name = clip_from(
        clip, frames=sampling.frames, size_px=size_px, rate_fps=sampling.rate_fps
    )
    if read.damage:
        log.warning("%s", read.damage)
    return read, name
