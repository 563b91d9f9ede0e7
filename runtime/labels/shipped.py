"""The label sets that ship: classes of data sets with attributes written for each of them.

They are read once a label has to be embedded: a start with labels that the bundle knows does not
pay for them.
"""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from .label_files import read_labels
from .labels import Label, is_bare
from .names import name_key, spaced_words

# The first set that knows a name decides; a test checks that all agree.
LABEL_SETS = ("kinetics-400", "kinetics-600", "ucf-101", "hmdb-51")
_FOLDER = Path(__file__).parent / "label_sets"
EVERYDAY = _FOLDER / "everyday.txt"


def shipped_labels(name: str) -> tuple[Label, ...]:
    """Return the classes of a data set, one of `LABEL_SETS`, with their attributes."""
    return read_labels(_FOLDER / f"{name}.json")


def everyday_labels() -> tuple[Label, ...]:
    """Return what cameras see on ordinary days, a list for people to edit."""
    return read_labels(EVERYDAY)


def default_labels() -> tuple[Label, ...]:
    """Return the names of Kinetics-400, the labels of a bundle unless others are given."""
    return tuple(Label(label.name) for label in shipped_labels("kinetics-400"))


def with_shipped_attributes(
    labels: Sequence[Label], *, tell: Callable[[str], object] = lambda _: None
) -> tuple[Label, ...]:
    """Add the attributes that ship to labels that are a known name and nothing more.

    A name is known in every spelling: "ApplyEyeMakeup", "apply_eye_makeup" and "Apply eye make-up"
    are one class. It is shown as written and embedded as spaced words. Attributes and texts that
    the user wrote stay.

    Args:
        labels: what is to be embedded.
        tell: called with a sentence that counts the labels that got attributes, if any did.
    """
    described = tuple(_described(label) for label in labels)
    count = sum(new is not old for new, old in zip(described, labels, strict=True))
    if count:
        tell(
            f"{count} of {len(labels)} labels to embed are known by name and get the attributes "
            "that ship for them."
        )
    return described


def _described(label: Label) -> Label:
    if not is_bare(label):
        return label
    attributes = _attributes_of_names().get(name_key(label.name))
    if not attributes:
        return label
    words = spaced_words(label.name)
    text = "" if words == label.name.lower() else words
    return Label(label.name, text, attributes, label.role)


@functools.cache
def _attributes_of_names() -> dict[str, tuple[str, ...]]:
    attributes_of: dict[str, tuple[str, ...]] = {}
    for name in LABEL_SETS:
        # Not `read_labels`: checking each word, as the tests do, takes ten times as long.
        for row in json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")):
            attributes_of.setdefault(name_key(row["label"]), tuple(row["attributes"]))
    return attributes_of
