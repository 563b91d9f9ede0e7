"""Labels in whatever form a program or a person has them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import LabelError
from .labels import Label, as_labels, read_labels

LabelsLike = str | Path | Mapping[str, Any] | Iterable[str | Label | Mapping[str, Any]]
_SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".yaml", ".yml")


def labels_from(value: LabelsLike) -> tuple[Label, ...]:
    """Return the labels that a value is or names: a file's path, a list, a dict, or "a,b".

    Raises:
        LabelError: it is of another type, or its labels cannot be used.
    """
    source = label_source(value)
    return read_labels(source) if isinstance(source, Path) else source


def label_source(value: LabelsLike) -> Path | tuple[Label, ...]:
    """Return the file that a value names, or its labels.

    Raises:
        LabelError: see `labels_from`.
    """
    if isinstance(value, Path):
        return value
    if isinstance(value, str):
        is_file = os.sep in value or value.lower().endswith(_SUFFIXES) or Path(value).exists()
        if is_file or "," not in value:
            return Path(value)
        return as_labels(word.strip() for word in value.split(",") if word.strip())
    if isinstance(value, Mapping):
        value = [{"label": name, "attributes": words} for name, words in value.items()]
    if isinstance(value, bytes) or not isinstance(value, Iterable):
        raise LabelError(
            f"Labels are a list of names or a file, and {type(value).__name__} is neither."
        )
    return as_labels(_label(item) for item in value)


def _label(item: Any) -> Label:
    if isinstance(item, Label):
        return item
    if isinstance(item, Mapping):
        words = item.get("attributes") or ()
        return Label(str(item.get("label", "")), item.get("text") or "", tuple(words))
    if not isinstance(item, str):
        raise LabelError(f"The label {item!r:.80} is no name: give strings.")
    return Label(item)
