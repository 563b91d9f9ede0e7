"""Reads the official split files of UCF-101 and HMDB-51, and the lists that papers make of them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import name_key, spaced_words
from .class_lists import class_file_of, read_classes
from .clip import ClipKey, ListedClip
from .text_files import read_lines

Part = Literal["train", "test"]
# `Class/clip.avi`, perhaps with its label (UCF-101); `class/clip frames label` (lists of papers).
_WHOLE = re.compile(r"(?P<part>test|train|val)(list0?|(_rgb)?_split_?)(?P<number>\d)\.txt")
# `clip.avi 1`: 1 trains, 2 tests, 0 does neither (HMDB-51, a file for each class and split).
_OF_CLASS = re.compile(r"(?P<label>.+)_test_split(?P<number>\d)\.txt")
_PARTS: dict[str, Part] = {"1": "train", "2": "test"}
_NUMBERS = re.compile(r"(\s+\d+)*\s*$")
# What a folder without lists of a part lacks.
_EXAMPLES: dict[Part, tuple[str, str]] = {
    "test": ("lists of test clips", "testlist01.txt"),
    "train": ("lists of training clips", "trainlist01.txt"),
}


@dataclass(frozen=True)
class SplitFiles:
    folder: Path  # where they lie
    tests: dict[int, tuple[ListedClip, ...]]  # the test clips of each split, by its number
    trains: dict[int, tuple[ListedClip, ...]]  # the training clips of each split, by its number
    named: tuple[ListedClip, ...]  # every clip that a list names, once
    classes: tuple[str, ...]  # as spaced words, in the official order if a file gives it


def read_split_files(folder: Path, *, part: Part = "test") -> SplitFiles:
    """Read the lists of UCF-101 or HMDB-51, of which the caller needs one `part`.

    Raises:
        LabelError: a list names a class that the class file lacks.
        SourceError: the folder holds no lists of that part, or a line names no class.
    """
    splits: dict[Part, dict[int, list[ListedClip]]] = {"train": {}, "test": {}}
    named: dict[ClipKey, ListedClip] = {}
    for path in sorted(folder.glob("*.txt")):
        for clip, number, of_part in _read_list(path):
            named.setdefault(clip.key, clip)
            if of_part:
                splits[of_part].setdefault(number, []).append(clip)
    if not splits[part]:
        what, example = _EXAMPLES[part]
        raise SourceError(
            f"{folder} holds no {what}: give the folder of {example} (UCF-101) "
            "or of brush_hair_test_split1.txt (HMDB-51)."
        )
    class_file = class_file_of(folder)
    labels = {name_key(clip.label): clip.label for clip in named.values()}
    classes = read_classes(class_file) if class_file else tuple(sorted(labels.values()))
    known = set(map(name_key, classes))
    stranger = next((clip for clip in named.values() if name_key(clip.label) not in known), None)
    if stranger:
        raise LabelError(
            f"{stranger.where} names a clip of {stranger.label!r}, which {class_file} lacks."
        )
    tests, trains = (
        {number: tuple(clips) for number, clips in sorted(of_part.items())}
        for of_part in (splits["test"], splits["train"])
    )
    return SplitFiles(folder, tests, trains, tuple(named.values()), classes)


def _read_list(path: Path) -> list[tuple[ListedClip, int, Part | None]]:
    """Return the clips of a list, each with the number of its split and its part."""
    if whole := _WHOLE.fullmatch(path.name):
        part: Part = "train" if whole["part"] == "train" else "test"
        return [(_listed(line, path), int(whole["number"]), part) for line in read_lines(path)]
    if of_class := _OF_CLASS.fullmatch(path.name):
        label, number = spaced_words(of_class["label"]), int(of_class["number"])
        return [
            (
                ListedClip(label, _NUMBERS.sub("", line), path.name),
                number,
                _PARTS.get(line.split()[-1]),
            )
            for line in read_lines(path)
        ]
    return []


def _listed(line: str, path: Path) -> ListedClip:
    clip = ListedClip("", _NUMBERS.sub("", line), path.name)
    if not clip.folders:
        raise SourceError(f"{path} has a line {line!r:.80}: the form is Class/clip.avi.")
    return ListedClip(spaced_words(clip.folders[-1]), clip.path, path.name)
