"""A few clips of each class, chosen by a seed and by nothing else."""

import hashlib
from collections.abc import Sequence

from ...runtime.errors import SourceError
from .labelled_videos import VideoFile
from .names import clip_key


def few_of_each(
    files: Sequence[VideoFile], shots: int, seed: int, *, allow_fewer: bool = False
) -> tuple[VideoFile, ...]:
    """Choose `shots` clips of each class.

    Clips are ranked by a hash of the seed with their class and name, so the choice does not depend
    on where and in which order they lie; the clips of fewer shots are among those of more, and a
    clip that goes missing changes nothing but its own place.

    Args:
        files: all training clips.
        shots: N, of each class.
        seed: of the choice.
        allow_fewer: whether a class may have fewer.

    Returns:
        The chosen ones, in the order of `files`.

    Raises:
        SourceError: a class has fewer than `shots` clips.
    """
    of_class: dict[str, list[VideoFile]] = {}
    for file in files:
        of_class.setdefault(file.label, []).append(file)
    few = [(label, len(clips)) for label, clips in of_class.items() if len(clips) < shots]
    if few and not allow_fewer:
        label, count = few[0]
        raise SourceError(
            f"{len(few)} of {len(of_class)} classes have fewer than {shots} clips, the first is "
            f"{label!r} with {count}: take fewer --shots, or accept it with --allow-missing."
        )
    chosen = {
        file
        for clips in of_class.values()
        for file in sorted(clips, key=lambda file: _rank(file, seed))[:shots]
    }
    return tuple(file for file in files if file in chosen)


def _rank(file: VideoFile, seed: int) -> tuple[bytes, str]:
    words = "\0".join((str(seed), *clip_key(file.label, file.path.name)))
    # Two files of one name in a class are told by their paths.
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).digest(), str(file.path)
