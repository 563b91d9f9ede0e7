"""The official files of splits and classes, in the forms in which people have them."""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import LabelError, SourceError
from ...runtime.labelled_videos import spaced_words
from .names import ClipKey, clip_key, key_of

# `Class/clip.avi`, perhaps with its label (UCF-101); `class/clip frames label` (lists of papers).
_WHOLE = re.compile(r"(?P<part>test|train|val)(list0?|(_rgb)?_split_?)(?P<number>\d)\.txt")
# `clip.avi 1`: 1 trains, 2 tests, 0 does neither (HMDB-51, a file for each class and split).
_OF_CLASS = re.compile(r"(?P<label>.+)_test_split(?P<number>\d)\.txt")
_NUMBERS = re.compile(r"(\s+\d+)*\s*$")
_CLASS_FILES = ("classInd.txt", "class_names.csv")


@dataclass(frozen=True)
class ListedClip:
    """One line of a list: a class as spaced words, a file name, and the list that names it."""

    label: str
    file: str
    where: str

    @property
    def key(self) -> ClipKey:
        """What identifies the clip."""
        return clip_key(self.label, self.file)


@dataclass(frozen=True)
class SplitFiles:
    """A folder of official lists.

    Attributes:
        folder: where they lie.
        tests: the test clips of each split, by its number.
        named: every clip that any list names, once.
        classes: all classes as spaced words, in the official order where a file gives it.
    """

    folder: Path
    tests: dict[int, tuple[ListedClip, ...]]
    named: tuple[ListedClip, ...]
    classes: tuple[str, ...]


def read_split_files(folder: Path) -> SplitFiles:
    """Read the lists of UCF-101 or HMDB-51.

    Raises:
        SourceError: the folder holds none, or a line names no class.
    """
    tests: dict[int, list[ListedClip]] = {}
    named: dict[ClipKey, ListedClip] = {}
    for path in sorted(folder.glob("*.txt")):
        for clip, number, tested in _read_list(path):
            named.setdefault(clip.key, clip)
            if tested:
                tests.setdefault(number, []).append(clip)
    if not tests:
        raise SourceError(
            f"{folder} holds no lists of test clips: give the folder of testlist01.txt (UCF-101) "
            "or of brush_hair_test_split1.txt (HMDB-51)."
        )
    official = next((folder / f for f in _CLASS_FILES if (folder / f).is_file()), None)
    classes = read_classes(official) if official else _in_order(named.values())
    known = {key_of(name) for name in classes}
    stranger = next((clip for clip in named.values() if key_of(clip.label) not in known), None)
    if stranger:
        raise LabelError(
            f"{stranger.where} names a clip of {stranger.label!r}, which {official} does not list."
        )
    by_number = {number: tuple(tests[number]) for number in sorted(tests)}
    return SplitFiles(folder, by_number, tuple(named.values()), classes)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names as spaced words: of `id,name` rows, of `1 Name` lines, or of bare lines.

    Raises:
        LabelError: it holds none, or one twice.
        SourceError: it cannot be read.
    """
    text = _read(path)
    if path.suffix.lower() == ".csv":
        rows = [row for row in csv.reader(text.splitlines()) if row]
        names = [row[-1] for row in rows if [c.strip().lower() for c in row] != ["id", "name"]]
    else:
        names = [re.sub(r"^\d+\s+", "", line.strip()) for line in text.splitlines()]
    classes = tuple(spaced_words(name) for name in names if name.strip())
    if not classes:
        raise LabelError(f"{path} names no classes: write one a line.")
    seen: set[str] = set()
    for name in classes:
        if key_of(name) in seen:
            raise LabelError(f"{path} names {name!r} twice: keep one of them.")
        seen.add(key_of(name))
    return classes


def read_class_splits(folder: Path) -> dict[int, tuple[str, ...]]:
    """Read lists of classes called `…split1….csv` to `…split3….csv`, by their number.

    Raises:
        SourceError: the folder holds none, or two of one number.
    """
    found: dict[int, tuple[str, ...]] = {}
    for path in sorted(folder.glob("*split*.csv")):
        number = re.search(r"split_?(\d)", path.name)
        if number and found.setdefault(int(number[1]), read_classes(path)) != read_classes(path):
            raise SourceError(
                f"{folder} holds two lists of the classes of split {number[1]}: keep one of them."
            )
    if not found:
        raise SourceError(
            f"{folder} holds no lists of classes: the form is k600_zs160_split1.csv with rows "
            "id,name."
        )
    return dict(sorted(found.items()))


def read_unseen_classes(path: Path, known: tuple[str, ...]) -> tuple[str, ...]:
    """Read which classes are truly unseen: of a list of classes, or of TruZe's own ZSL.txt.

    The latter has a part for each data set; the one whose classes are most among `known` is meant.

    Raises:
        LabelError: it holds none.
        SourceError: it cannot be read.
    """
    text = _read(path)
    parts = re.findall(r"Testing\s*\([^)]*\)\s*:(.*?)(?:\n\s*\n|##|\Z)", text, re.DOTALL)
    if not parts:
        return read_classes(path)
    keys = {key_of(name) for name in known}

    def fitting(names: list[str]) -> int:
        return sum(key_of(name) in keys for name in names)

    lists = [
        [name.strip().rstrip(".") for name in part.replace("\n", " ").split(",")] for part in parts
    ]
    return tuple(spaced_words(name) for name in max(lists, key=fitting) if name)


def _read_list(path: Path) -> list[tuple[ListedClip, int, bool]]:
    """Return the clips of a list, with the number of the split, and whether each is tested."""
    whole, of_class = _WHOLE.fullmatch(path.name), _OF_CLASS.fullmatch(path.name)
    lines = [line.strip() for line in _read(path).splitlines() if line.strip()]
    if whole:
        number, tested = int(whole["number"]), whole["part"] != "train"
        return [(_listed(line, path), number, tested) for line in lines]
    if of_class:
        label = spaced_words(of_class["label"])
        clips = [ListedClip(label, _NUMBERS.sub("", line), path.name) for line in lines]
        tests = [line.split()[-1] == "2" for line in lines]
        number = int(of_class["number"])
        return [(clip, number, tested) for clip, tested in zip(clips, tests, strict=True)]
    return []


def _listed(line: str, path: Path) -> ListedClip:
    label, _, file = _NUMBERS.sub("", line).replace("\\", "/").rpartition("/")
    if not label or not file:
        raise SourceError(f"{path} has a line {line!r:.80}: the form is Class/clip.avi.")
    return ListedClip(spaced_words(label.rpartition("/")[2]), file, path.name)


def _in_order(clips: Iterable[ListedClip]) -> tuple[str, ...]:
    return tuple(sorted({clip.label for clip in clips}))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: save it as UTF-8.") from error
