"""The official split files of UCF-101 and HMDB-51, and the lists that papers make of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import spaced_words
from .class_lists import class_file_of, read_classes
from .listed_clip import ListedClip, folders_of, read_text
from .names import ClipKey, key_of

Part = Literal["train", "test"]
# `Class/clip.avi`, perhaps with its label (UCF-101); `class/clip frames label` (lists of papers).
_WHOLE = re.compile(r"(?P<part>test|train|val)(list0?|(_rgb)?_split_?)(?P<number>\d)\.txt")
# `clip.avi 1`: 1 trains, 2 tests, 0 does neither (HMDB-51, a file for each class and split).
_OF_CLASS = re.compile(r"(?P<label>.+)_test_split(?P<number>\d)\.txt")
_PARTS: dict[str, Part] = {"1": "train", "2": "test"}
_NUMBERS = re.compile(r"(\s+\d+)*\s*$")
# What a folder without lists lacks.
_EXAMPLES: dict[Part, tuple[str, str]] = {
    "test": ("lists of test clips", "testlist01.txt"),
    "train": ("lists of training clips", "trainlist01.txt"),
}


@dataclass(frozen=True)
class SplitFiles:
    """A folder of official lists.

    Attributes:
        folder: where they lie.
        tests: the test clips of each split, by its number.
        trains: the training clips of each split, by its number.
        named: every clip that any list names, once.
        classes: all classes as spaced words, in the official order where a file gives it.
    """

    folder: Path
    tests: dict[int, tuple[ListedClip, ...]]
    trains: dict[int, tuple[ListedClip, ...]]
    named: tuple[ListedClip, ...]
    classes: tuple[str, ...]


def read_split_files(folder: Path, *, part: Part = "test") -> SplitFiles:
    """Read the lists of UCF-101 or HMDB-51.

    Args:
        folder: where they lie.
        part: what the caller needs, without which the folder is of no use.

    Raises:
        LabelError: a list names a class that the class file does not.
        SourceError: the folder holds no lists of that part, or a line names no class.
    """
    found: dict[Part, dict[int, list[ListedClip]]] = {"train": {}, "test": {}}
    named: dict[ClipKey, ListedClip] = {}
    for path in sorted(folder.glob("*.txt")):
        for clip, number, of_part in _read_list(path):
            named.setdefault(clip.key, clip)
            if of_part:
                found[of_part].setdefault(number, []).append(clip)
    if not found[part]:
        what, example = _EXAMPLES[part]
        raise SourceError(
            f"{folder} holds no {what}: give the folder of {example} (UCF-101) "
            "or of brush_hair_test_split1.txt (HMDB-51)."
        )
    official = class_file_of(folder)
    classes = read_classes(official) if official else _in_order(named.values())
    known = {key_of(name) for name in classes}
    stranger = next((clip for clip in named.values() if key_of(clip.label) not in known), None)
    if stranger:
        raise LabelError(
            f"{stranger.where} names a clip of {stranger.label!r}, which {official} does not list."
        )
    tests, trains = (
        {number: tuple(clips) for number, clips in sorted(of_part.items())}
        for of_part in (found["test"], found["train"])
    )
    return SplitFiles(folder, tests, trains, tuple(named.values()), classes)


def _read_list(path: Path) -> list[tuple[ListedClip, int, Part | None]]:
    """Return the clips of a list, with the number of the split, and the part that each is of."""
    if whole := _WHOLE.fullmatch(path.name):
        part: Part = "train" if whole["part"] == "train" else "test"
        return [(_listed(line, path), int(whole["number"]), part) for line in _lines(path)]
    if of_class := _OF_CLASS.fullmatch(path.name):
        label, number = spaced_words(of_class["label"]), int(of_class["number"])
        return [
            (
                ListedClip(label, _NUMBERS.sub("", line), path.name),
                number,
                _PARTS.get(line.split()[-1]),
            )
            for line in _lines(path)
        ]
    return []


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def _listed(line: str, path: Path) -> ListedClip:
    clip = PurePosixPath(_NUMBERS.sub("", line).replace("\\", "/"))
    folders = folders_of(clip)
    if not folders:
        raise SourceError(f"{path} has a line {line!r:.80}: the form is Class/clip.avi.")
    return ListedClip(spaced_words(folders[-1]), clip.name, path.name, folders=folders)


def _in_order(clips: Iterable[ListedClip]) -> tuple[str, ...]:
    return tuple(sorted({clip.label for clip in clips}))
