"""The clips of a test and their classes: what is on disk against what lists name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import LabelError, SourceError
from ..lists.labelled_videos import VideoFile, find_videos
from ..lists.listed_clip import ListedClip
from ..lists.names import ClipKey, clip_key, first_of, key_of, nearest
from ..lists.split_files import SplitFiles


@dataclass(frozen=True)
class TestClip:
    """A file and the row of its class."""

    __test__ = False  # pytest would take the name for a test's

    path: Path
    label: int


@dataclass(frozen=True)
class ClipSet:
    """What is tested.

    Attributes:
        clips: in a fixed order.
        classes: their classes as spaced words, in the order of the rows.
        others: classes of the data that the protocol leaves out.
        missing: clips that a list names and that are not there.
    """

    clips: tuple[TestClip, ...]
    classes: tuple[str, ...]
    others: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def index(self) -> dict[ClipKey, int]:
        """Return where each clip stands, by what identifies it."""
        found: dict[ClipKey, int] = {}
        for place, clip in enumerate(self.clips):
            found.setdefault(clip_key(self.classes[clip.label], clip.path.name), place)
        return found


def read_clips(
    data: Path, *, classes: Sequence[str] | None = None, allow_missing: bool = False
) -> ClipSet:
    """List the clips of a folder of class/clip or a CSV of path,label.

    Args:
        data: the folder or CSV.
        classes: those that are tested, in order; all of the data, sorted, if None.
        allow_missing: whether to go on where files are missing or a class has no clip.

    Raises:
        SourceError: nothing is there, or something is missing.
    """
    files = find_videos(data, allow_missing=True)
    there = [file for file in files if file.path.is_file()]
    missing = tuple(str(file.path) for file in files if not file.path.is_file())
    _refuse_missing(missing, f"{data} names", "that are not there", allow=allow_missing)
    names = tuple(classes or _classes(files))
    rows = {key_of(name): row for row, name in enumerate(names)}
    tested = [file for file in there if key_of(file.label) in rows]
    others = _classes([file for file in there if key_of(file.label) not in rows])
    if not tested:
        raise SourceError(f"No clip of {data} belongs to a class of the protocol's: check --lists.")
    clips = tuple(TestClip(file.path, rows[key_of(file.label)]) for file in tested)
    found = ClipSet(clips, names, others, missing)
    if not allow_missing:
        _refuse_empty(found, data)
    return found


def read_listed_clips(data: Path, lists: SplitFiles, *, allow_missing: bool = False) -> ClipSet:
    """List the clips of a data set that has official lists, with the lists' classes.

    Raises:
        LabelError: the data has classes that the lists do not know.
        SourceError: nothing is there, or something is missing.
    """
    # Missing clips first: a class that lacks all of its clips is told by their names.
    found = read_clips(data, classes=lists.classes, allow_missing=True)
    if found.others:
        stranger = found.others[0]
        raise LabelError(
            f"{len(found.others)} classes of {data} are not in the lists of {lists.folder}, the "
            f"first is {stranger!r}{nearest(stranger, lists.classes)}: take the lists of this data."
        )
    there = found.index().keys()
    lacking = tuple(str(c) for c in lists.named if c.key not in there)
    _refuse_missing(
        lacking, f"The lists of {lists.folder} name", f"that {data} lacks", allow=allow_missing
    )
    missing = (*found.missing, *lacking)
    _refuse_missing(found.missing, f"{data} names", "that are not there", allow=allow_missing)
    if not allow_missing:
        _refuse_empty(found, data)
    return ClipSet(found.clips, found.classes, (), missing)


def places_of(listed: Sequence[ListedClip], clips: ClipSet) -> tuple[int, ...]:
    """Return where the clips of a list stand, without those that are missing."""
    index = clips.index()
    return tuple(index[clip.key] for clip in listed if clip.key in index)


def _classes(files: Sequence[VideoFile]) -> tuple[str, ...]:
    """Return each class once, sorted, however its folders spell it."""
    spelt: dict[str, str] = {}
    for file in files:
        spelt.setdefault(key_of(file.label), file.label)
    return tuple(sorted(spelt.values()))


def _refuse_empty(clips: ClipSet, data: Path) -> None:
    rows = {clip.label for clip in clips.clips}
    empty = [name for row, name in enumerate(clips.classes) if row not in rows]
    if empty:
        raise SourceError(
            f"{len(empty)} of {len(clips.classes)} classes have no clip in {data}, the first is "
            f"{empty[0]!r}{nearest(empty[0], clips.others)}: add clips, or accept it with "
            "--allow-missing."
        )


def _refuse_missing(names: Sequence[str], who: str, what: str, *, allow: bool) -> None:
    if names and not allow:
        clips = "clip" if len(names) == 1 else "clips"
        raise SourceError(
            f"{who} {len(names)} {clips} {what}, {first_of(names)}: add them, or test "
            "without them with --allow-missing."
        )
