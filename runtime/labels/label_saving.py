"""Saves labels that people edited back to the file that they came from."""

import json
from collections.abc import Sequence
from pathlib import Path

from .. import atomic
from ..errors import LabelError
from .label_table import IGNORE_MARK
from .label_text import write_label_text
from .labels import Label

_TABLES, _YAML = (".csv", ".tsv"), (".yaml", ".yml")


def check_savable(path: Path, labels: Sequence[Label] = ()) -> None:
    """Refuse a file that would lose something.

    Raises:
        LabelError: it is a table or YAML, or a text while the labels have attributes.
    """
    suffix = path.suffix.lower()
    if suffix in (*_TABLES, *_YAML):
        raise LabelError(
            f"{path.name} may hold more than labels, such as columns and comments: edit it itself."
        )
    if suffix != ".json" and any(not _is_plain(one) or '"' in one.name for one in labels):
        raise LabelError(
            f"{path.name} has a label a line and no room for attributes or quotes: leave them "
            "out, or use a .json."
        )


def save_labels(path: Path, labels: Sequence[Label]) -> None:
    """Write labels into a file, whole or not at all.

    Raises:
        LabelError: it is of no form that can be saved, or cannot be written.
    """
    check_savable(path, labels)
    if path.suffix.lower() == ".json":
        text = json.dumps([_entry(one) for one in labels], ensure_ascii=False, indent=1) + "\n"
    else:
        text = write_label_text(labels)
    try:
        atomic.write_file(path, text)
    except OSError as error:
        raise LabelError(
            f"The labels are in use and not saved, as {path.name} cannot be written: "
            f"{error.strerror}."
        ) from error


def _is_plain(label: Label) -> bool:
    return label == Label(label.name, role=label.role)


def _entry(label: Label) -> object:
    if _is_plain(label) and label.role == "action" and not label.name.startswith(IGNORE_MARK):
        return label.name
    entry: dict[str, object] = {"label": label.name}
    if label.text != label.name:
        entry["text"] = label.text
    if label.attributes != (label.text,):
        entry["attributes"] = list(label.attributes)
    if label.role == "ignore" or label.name.startswith(IGNORE_MARK):
        entry["role"] = label.role
    return entry
