"""The words of MovingShapes: what a bundle that knows nothing else can be asked for."""

import functools
import re
from collections.abc import Sequence

from ..labels.labels import Label
from .motions import MOTIONS
from .scenes import THINGS

# They stand in every language's labels, and in those for people too.
_SMALL_WORDS = {"a", "at", "on", "over", "round", "the"}


def strange_labels(labels: Sequence[Label]) -> list[Label]:
    """Return the labels of which MovingShapes has no word: no shape, no colour and no motion."""
    return [label for label in labels if not _words(label.name, label.text) & _vocabulary()]


@functools.cache
def _vocabulary() -> frozenset[str]:
    names = [thing.name for thing in THINGS] + [motion.name for motion in MOTIONS]
    described = [word for part in (*THINGS, *MOTIONS) for word in part.attributes]
    # An attribute of several words has everyday ones among them, such as "back" and "body".
    alone = [word for word in described if " " not in word]
    return frozenset(_words(*names, *alone) - _SMALL_WORDS)


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in re.findall(r"[^\W_]+", text.lower())}
