"""Chooses a few clips of each class, by a seed and nothing else."""

import hashlib
from collections.abc import Sequence

from ...runtime.errors import SourceError
from .clip import Clip, clip_key


def few_of_each(
    clips: Sequence[Clip], shots: int, seed: int, *, allow_fewer: bool = False
) -> tuple[Clip, ...]:
    """Choose `shots` clips of each class, in the order of `clips`.

    Clips are ranked by a hash of the seed with their class and name, so the choice does not depend
    on where and in which order they lie. Fewer shots are a part of more, and a missing clip changes
    no other's place.

    Raises:
        SourceError: a class has fewer than `shots` clips, without `allow_fewer`.
    """
    of_class: dict[str, list[Clip]] = {}
    for clip in clips:
        of_class.setdefault(clip.label, []).append(clip)
    few = [(label, len(own)) for label, own in of_class.items() if len(own) < shots]
    if few and not allow_fewer:
        label, count = few[0]
        raise SourceError(
            f"{len(few)} of {len(of_class)} classes have fewer than {shots} clips, the first is "
            f"{label!r} with {count}: take fewer --shots, or accept it with --allow-missing."
        )
    chosen = {
        clip
        for own in of_class.values()
        for clip in sorted(own, key=lambda clip: _rank(clip, seed))[:shots]
    }
    return tuple(clip for clip in clips if clip in chosen)


def _rank(clip: Clip, seed: int) -> tuple[bytes, str]:
    words = "\0".join((str(seed), *clip_key(clip.label, clip.path.name)))
    # The path decides between two files of one name in a class.
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).digest(), str(clip.path)
