"""Lists of classes: all of a data set's, those of a split, the truly unseen ones."""

import re
from pathlib import Path

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.label_table import Row, read_table
from ...runtime.labels.names import check_distinct, name_key, spaced_words
from .text_files import read_lines, read_text

NAME_NUMBERS = "write their names into class_names.csv beside them, with rows id,name"
# The names of the class file in official lists and in those of papers.
_CLASS_FILES = ("classInd.txt", "class_names.csv")


def class_file_of(folder: Path) -> Path | None:
    """Return the class file that lies beside lists of clips, if there is one."""
    return next((folder / name for name in _CLASS_FILES if (folder / name).is_file()), None)


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names as spaced words from `id,name` rows, `1 Name` lines, or bare lines.

    Raises:
        LabelError: it names no class, or one twice.
        SourceError: it cannot be read.
    """
    return tuple(read_numbered_classes(path).values())


def read_numbered_classes(path: Path, *, spaced: bool = True) -> dict[int, str]:
    """Read class names by their numbers; bare lines count from 0.

    Names become spaced words, or stay as they are written there.

    Raises:
        LabelError: it names no class, one twice, or two by one number.
        SourceError: it cannot be read.
    """
    rows = [row for row in _numbered_rows(path) if row.name]
    if not rows:
        raise LabelError(f"{path} names no classes: write one a line.")
    check_distinct((row.name for row in rows), path)
    classes: dict[int, str] = {}
    for place, row in enumerate(rows):
        number = place if row.number is None else row.number
        if number in classes:
            raise LabelError(f"{path} gives the number {number} to two classes: number them anew.")
        classes[number] = spaced_words(row.name) if spaced else row.name
    return classes


def _numbered_rows(path: Path) -> list[Row]:
    """Return the names with their numbers, if they have any."""
    if path.suffix.lower() == ".csv":
        try:
            return read_table(read_text(path))
        except LabelError as error:
            raise LabelError(f"{path}: {error}") from error
    lines = (re.fullmatch(r"(?:(\d{1,9})\s+)?(.*)", line) for line in read_lines(path))
    return [Row("", line[2], number=int(line[1]) if line[1] else None) for line in lines if line]


def read_class_splits(folder: Path) -> dict[int, tuple[str, ...]]:
    """Read lists of classes called `…split1….csv` to `…split3….csv`, by their number.

    Raises:
        SourceError: the folder holds none, or two of one number.
    """
    splits: dict[int, tuple[str, ...]] = {}
    for path in sorted(folder.glob("*split*.csv")):
        if number := re.search(r"split_?(\d)", path.name):
            classes = read_classes(path)
            if splits.setdefault(int(number[1]), classes) != classes:
                raise SourceError(
                    f"{folder} holds two lists of the classes of split {number[1]}: keep one."
                )
    if not splits:
        raise SourceError(
            f"{folder} holds no lists of classes: the form is k600_zs160_split1.csv with rows "
            "id,name."
        )
    return dict(sorted(splits.items()))


def read_unseen_classes(path: Path, known: tuple[str, ...]) -> tuple[str, ...]:
    """Read the truly unseen classes from a list of classes, or from TruZe's own ZSL.txt.

    ZSL.txt has a part for each data set: the one that shares most classes with `known` is read.

    Raises:
        LabelError: it names none.
        SourceError: it cannot be read.
    """
    parts = re.findall(r"Testing\s*\([^)]*\)\s*:(.*?)(?:\n\s*\n|##|\Z)", read_text(path), re.DOTALL)
    if not parts:
        return read_classes(path)
    keys = {name_key(name) for name in known}

    def shared(names: list[str]) -> int:
        return sum(name_key(name) in keys for name in names)

    lists = [
        [name.strip().rstrip(".") for name in part.replace("\n", " ").split(",")] for part in parts
    ]
    return tuple(spaced_words(name) for name in max(lists, key=shared) if name)
