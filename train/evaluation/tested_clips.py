"""The clips of a test, which must be complete and fit the protocol's classes."""

from collections.abc import Sequence
from pathlib import Path

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import nearest_hint
from ..lists.clip_set import ClipSet, find_clips, find_listed_clips
from ..lists.split_files import SplitFiles


def read_clips(
    data: Path, *, classes: Sequence[str] | None = None, allow_missing: bool = False
) -> ClipSet:
    """Find the clips of a folder of class/clip or a CSV of path,label.

    `classes` are the tested ones, in order; None takes all of the data, sorted. With
    `allow_missing`, clips may be missing and classes empty.

    Raises:
        SourceError: there are no clips of the classes, or something is missing.
    """
    found = find_clips(data)
    found = found.among(found.classes if classes is None else classes)
    if not found.clips and not found.missing:
        raise SourceError(f"No clip of {data} is in a class of the protocol: check --lists.")
    if not allow_missing:
        found.check_missing(data, data)
        found.check_empty(data)
    return found


def read_listed_clips(data: Path, lists: SplitFiles, *, allow_missing: bool = False) -> ClipSet:
    """Find the clips of a data set with official lists, and with the lists' classes.

    Raises:
        LabelError: the data has classes that the lists do not know.
        SourceError: there are no clips, or something is missing.
    """
    found = find_listed_clips(data, lists.named, lists.classes, keep_unlisted=True)
    if found.others:
        stranger = found.others[0]
        raise LabelError(
            f"{len(found.others)} classes of {data} are not in the lists of {lists.folder}, the "
            f"first is {stranger!r}{nearest_hint(stranger, lists.classes)}: take the lists of this "
            "data."
        )
    if not allow_missing:
        found.check_missing(lists.folder, data)
        found.check_empty(data)
    return found
