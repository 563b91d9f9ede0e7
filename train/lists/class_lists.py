"""Lists of classes: all of a data set's, those of a split, the truly unseen ones."""

import csv
import re
from pathlib import Path

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import spaced_words
from .listed_clip import read_text
from .names import key_of

# What official lists and those of papers call the file of their classes.
_CLASS_FILES = ("classInd.txt", "class_names.csv")


def class_file_of(folder: Path) -> Path | None:
    """Return the list of classes that lies beside lists of clips, if one does."""
    return next((folder / name for name in _CLASS_FILES if (folder / name).is_file()), None)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names as spaced words: of `id,name` rows, of `1 Name` lines, or of bare lines.

    Raises:
        LabelError: it holds none, or one twice.
        SourceError: it cannot be read.
    """
    return tuple(read_numbered_classes(path).values())


def read_numbered_classes(path: Path) -> dict[int, str]:
    """Read class names by the numbers that lists call them by; bare lines count from 0.

    Raises:
        LabelError: it holds none, or one twice.
        SourceError: it cannot be read.
    """
    rows = _rows(read_text(path), table=path.suffix.lower() == ".csv")
    named = [(number, spaced_words(name)) for number, name in rows if name.strip()]
    if not named:
        raise LabelError(f"{path} names no classes: write one a line.")
    classes: dict[int, str] = {}
    seen: set[str] = set()
    for place, (number, name) in enumerate(named):
        if key_of(name) in seen:
            raise LabelError(f"{path} names {name!r} twice: keep one of them.")
        seen.add(key_of(name))
        if classes.setdefault(place if number is None else number, name) != name:
            raise LabelError(f"{path} gives the number {number} to two classes: number them anew.")
    return classes


def _rows(text: str, *, table: bool) -> list[tuple[int | None, str]]:
    """Return numbers, where there are any, and names."""
    if not table:
        lines = [re.fullmatch(r"(?:(\d+)\s+)?(.*)", line.strip()) for line in text.splitlines()]
        return [(int(found[1]) if found[1] else None, found[2]) for found in lines if found]
    rows = [row for row in csv.reader(text.splitlines()) if row]
    return [
        (int(row[0]) if len(row) > 1 and row[0].strip().isdecimal() else None, row[-1])
        for row in rows
        if [cell.strip().lower() for cell in row] != ["id", "name"]
    ]


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
    text = read_text(path)
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
