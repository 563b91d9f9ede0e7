"""The label sets that ship: the classes of data sets, and attributes written for each of them.

They are read where a label has to be embedded, and not before: a start with labels that the bundle
knows should not pay for them.
"""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from .labels import Label, read_labels
from .names import same_name, spaced_words

# Where several know a name, the first is asked; a test holds that they agree.
LABEL_SETS = ("kinetics-400", "kinetics-600", "ucf-101", "hmdb-51")
_FOLDER = Path(__file__).parent / "label_sets"


def shipped_labels(name: str) -> tuple[Label, ...]:
    """Return the classes of a data set, one of `LABEL_SETS`, with their attributes."""
    return read_labels(_FOLDER / f"{name}.json")


def default_labels() -> tuple[Label, ...]:
    """Return the names of Kinetics-400: 400 actions of people, where nobody said which."""
    return tuple(Label(label.name) for label in shipped_labels("kinetics-400"))


def with_shipped_attributes(
    labels: Sequence[Label], *, tell: Callable[[str], object] = lambda _: None
) -> tuple[Label, ...]:
    """Return `labels`, with the attributes that ship for those that are a known name and no more.

    Names are the same but for case, spaces, hyphens and underscores: "ApplyEyeMakeup",
    "apply_eye_makeup" and "Apply eye make-up" are one class, which is embedded as spaced
    words. What a label says itself, attributes or another text than its name, stays.

    Args:
        labels: what is to be embedded.
        tell: told in a sentence how many of them have got attributes, if any have.
    """
    found = tuple(_described(label) for label in labels)
    count = sum(new is not old for new, old in zip(found, labels, strict=True))
    if count:
        tell(
            f"{count} of {len(labels)} labels to embed are known by name, and get the attributes "
            "that ship for them."
        )
    return found


def _described(label: Label) -> Label:
    if label != Label(label.name):
        return label
    attributes = _attributes_of_names().get(same_name(label.name))
    if not attributes:
        return label
    # "ApplyEyeMakeup" is shown as it was written, and embedded as words.
    words = spaced_words(label.name)
    return Label(label.name, "" if words == label.name.lower() else words, attributes)


@functools.cache
def _attributes_of_names() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in LABEL_SETS:
        # Not `read_labels`: checking each word would take ten times as long, and the tests do it.
        for row in json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")):
            found.setdefault(same_name(row["label"]), tuple(row["attributes"]))
    return found
