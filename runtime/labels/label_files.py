"""Reads labels however people have them: a file of any usual form, a list, a dict, a few words."""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..documents import MIB, read_file
from ..errors import LabelError
from .label_documents import read_json, read_yaml, rows_of
from .label_lines import read_lines
from .label_table import IGNORE_MARK, Row, is_table, read_table
from .labels import Label, check_count, check_labels

MAX_FILE_MIB = 16
_LONGEST_PATH = 1000
SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".yaml", ".yml")
# `Class/clip.avi 3`, and the frames and the class of `Class/clip 245 3`.
_CLIP = re.compile(
    r"\.(?:mp4|avi|mkv|webm|mov|mpe?g|m4v|wmv|flv)(?:\s+\d+)*$|/\S*\s+\d+\s+\d+$", re.IGNORECASE
)

# What the option --labels and the argument `labels` take; see `labels_from`.
LabelsLike = str | Path | Mapping[str, Any] | Iterable["str | Label | Mapping[str, Any]"]
# A file that is not read yet, or the labels themselves.
LabelSource = Path | tuple[Label, ...]


def read_labels(path: Path) -> tuple[Label, ...]:
    """Read labels from a file.

    The suffix tells JSON, YAML, CSV and TSV. Other files are text with one label a line, unless
    they begin like JSON, or are tables by their lines. What may mean two things is refused. A name
    that begins with "! " is a label to ignore, as one with the role "ignore" is.

    Raises:
        LabelError: the file is missing, not UTF-8, empty, too long, of no form that is known, or
            names a label twice.
    """
    content = _read_text(path)
    try:
        labels = tuple(map(_label, _rows(content, path.suffix.lower())))
    except LabelError as error:
        raise LabelError(f"{path}: {error}") from error
    if not labels:
        raise LabelError(f"{path} holds no labels: write one a line.")
    check_labels(labels, where=str(path))
    return labels


def label_source(
    value: LabelsLike, option: str = "the labels", *, folder: Path | None = None
) -> LabelSource:
    """Return the file that a value names, unread, or the labels that it is.

    A string is a file if there is one of this name, or if it has a separator of folders or a suffix
    of label files. Else it is labels with commas between them. One word alone is refused: it is a
    misspelt file more often than a label without others.

    Args:
        value: see `labels_from`.
        option: what an error calls the value.
        folder: what the path of a file starts from; None is the folder of the process.

    Raises:
        LabelError: it is neither.
    """
    if isinstance(value, Path):
        return folder / value if folder else value
    if isinstance(value, str):
        path = folder / value if folder else Path(value)
        if _is_file_name(value) or (value and _exists(path)):
            return path
        if "," not in value:
            raise LabelError(
                f"There is no file {value!r:.80} for {option}: name a label file, or labels with "
                "commas between them; a single one has its comma behind it."
            )
        return _checked(_of_words(value))
    if not isinstance(value, Iterable) or isinstance(value, bytes | bytearray):
        raise LabelError(
            f"{value!r:.80} is not labels: give a list of names, a dict of attributes by name, or "
            "the path of a label file."
        )
    try:
        return _checked(tuple(map(_label, rows_of(value))))
    except LabelError as error:
        raise LabelError(f"The labels cannot be used: {error}") from error


def labels_from(value: LabelsLike, option: str = "the labels") -> tuple[Label, ...]:
    """Return the labels that a value is, or that the file has which it names.

    Args:
        value: the path of a label file; a string "archery,waving"; a list of names, of `Label`s or
            of {"label": …, "text": …, "attributes": […], "role": …}; a dict {"archery": ["bow"]}.
            A name that begins with "! " is a label to ignore, as one with the role "ignore" is.
        option: what an error calls the value.

    Raises:
        LabelError: it is none of these, a file cannot be read, or a name is there twice.
    """
    source = label_source(value, option)
    return read_labels(source) if isinstance(source, Path) else source


def origin_of(value: LabelsLike, option: str) -> str:
    """Return what an error about labels names: their file, or the option that they were given to.

    Raises:
        LabelError: it is neither labels nor a file.
    """
    source = label_source(value, option)
    return str(source) if isinstance(source, Path) else option


def _checked(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    if not labels:
        raise LabelError("No labels were given: name at least one action.")
    check_labels(labels)
    return labels


def _of_words(value: str) -> tuple[Label, ...]:
    """Return the labels of `archery,"arguing, loudly"`."""
    if "\0" in value:  # the csv module of Python 3.10 knows no such thing
        raise LabelError(f"The labels {value!r:.80} hold a control character: remove it.")
    try:
        (cells,) = csv.reader([value], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise LabelError(
            f"The labels {value!r:.80} have a quote without its other half: write both."
        ) from error
    words = [word for cell in cells if (word := cell.strip())]
    check_count(len(words))
    return tuple(_label(Row(f"{word!r:.80}", word)) for word in words)


def _is_file_name(value: str) -> bool:
    could_be = value.isprintable() and len(value) <= _LONGEST_PATH
    return could_be and ("/" in value or "\\" in value or value.lower().endswith(SUFFIXES))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL
        return False


def _read_text(path: Path) -> str:
    try:
        text = read_file(path, MAX_FILE_MIB * MIB).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise LabelError(
                f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8, one label a "
                "line."
            ) from error
        why = error.strerror if isinstance(error, OSError) else "its name has a NUL character"
        raise LabelError(
            f"Cannot read the labels {path} ({why}): give a file with one label a line."
        ) from error
    if "\0" in text:
        raise LabelError(f"{path} is not a text file: give one label a line, in UTF-8.")
    return text


def _rows(content: str, suffix: str) -> Sequence[Row | Label]:
    start = content.lstrip()[:1]
    behind = content.lstrip()[1:].lstrip()[:1]
    # "[Something] falling" is a label of Something-Something.
    rows: Sequence[Row | Label]
    if suffix in (".yaml", ".yml"):
        rows = read_yaml(content)
    elif suffix == ".json" or (start in ("[", "{") and behind in tuple("[]{}\"'")):
        rows = read_json(content)
    elif suffix in (".csv", ".tsv") or is_table(content):
        rows = read_table(content)
    else:
        rows = read_lines(content)
    _check_names(rows)
    return rows


def _check_names(rows: "Sequence[Row | Label]") -> None:
    """Refuse what is a list of other things: numbers, clips."""
    if len(rows) > 1 and all(row.name.isdecimal() for row in rows):
        raise LabelError("its labels are numbers, which say nothing to a network: write names.")
    if clip := next((row for row in rows if _CLIP.search(row.name)), None):
        place = clip.place if isinstance(clip, Row) else "it"
        raise LabelError(
            f"{place} has {clip.name!r:.80}, which is a clip: this is a list of clips and not of "
            "labels."
        )


def _label(row: Row | Label) -> Label:
    if isinstance(row, Label):
        return row
    name, role = row.name, row.role
    if not role and name.startswith(IGNORE_MARK):
        name, role = name.removeprefix(IGNORE_MARK).strip(), "ignore"
    try:
        if role == "ignore":
            return Label(name, row.text, row.attributes, role)
        if role not in ("", "action"):
            raise LabelError(f"{name!r:.60} has the role {role!r:.40}: give action or ignore.")
        return Label(name, row.text, row.attributes)
    except LabelError as error:
        raise LabelError(f"{row.place}: {error}") from error
