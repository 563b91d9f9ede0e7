"""Names of classes and clips as people write them: compared by their letters and digits."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from ...runtime.sources.uri import VIDEO_SUFFIXES

ClipKey = tuple[str, str]


def key_of(name: str) -> str:
    """Return what two spellings of a class share: `YoYo`, `yo yo` and `yo_yo` are "yoyo"."""
    return re.sub(r"[\W_]", "", name).casefold()


def clip_key(label: str, file: str) -> ClipKey:
    """Return what identifies a clip: its class and its file name without a video's suffix.

    Lists name `.avi` where people have `.mp4`, or nothing; other dots belong to the name.
    """
    return key_of(label), bare_name(file).casefold()


def bare_name(file: str) -> str:
    """Return a file's name without folders and without a video's suffix."""
    path = PurePosixPath(file)
    return path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Return the first few of some names, as words for a message."""
    if len(names) == 1:
        return f"the first is {names[0]}"
    *some, last = names[:most]
    return f"the first are {', '.join(some)} and {last}"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return which of `names` is spelt most like `name`, as words for a message; "" of none."""
    spelt = {known.casefold(): known for known in names}
    found = difflib.get_close_matches(name.casefold(), spelt, n=1, cutoff=0.0)
    return f" (nearest: {spelt[found[0]]!r})" if found else ""
