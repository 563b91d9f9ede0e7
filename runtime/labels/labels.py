"""Labels as people write them: a name, perhaps another text, and description attributes."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy.typing as npt

from ..errors import LabelError
from .names import check_distinct

MAX_LABELS = 10_000
MAX_NAME_CHARACTERS = 200
# More than networks read: 77 tokens of CLIP are about 350 characters.
MAX_TEXT_CHARACTERS = 2000
MAX_ATTRIBUTES = 64
MAX_ATTRIBUTES_ALTOGETHER = 100_000
# Letters and a symbol by Unicode's categories that show nothing: fillers of Hangul, empty Braille.
_BLANKS = "\u115f\u1160\u3164\uffa0\u2800"

# They turn the text after them around, so that a line of a terminal or a page reads otherwise.
# Marks of direction (U+200E, U+200F) turn nothing, and some scripts need them.
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))

Array = npt.NDArray[Any]
# What a label is for: an action is reported; what is ignored competes with actions and never is; a
# context label does neither, and serves detectors as a measure.
Role = Literal["action", "ignore", "context"]
# The names of the labels that each source recognises, by the source's name.
LabelsOf = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Label:
    """An action to recognise, in words without control characters, kept composed (NFC).

    Attributes:
        name: what results show; unique among the labels of a run.
        text: the words that are embedded; the name if empty.
        attributes: short descriptions (objects, body parts, scene); the text itself if empty.
        role: "action"; "ignore" for what is ordinary here, which competes with the actions and is
            never reported; "context" for what neither competes nor is reported.
    """

    name: str
    text: str = ""
    attributes: tuple[str, ...] = ()
    role: Role = "action"

    def __post_init__(self) -> None:
        words = (self.name, self.text, *self.attributes)
        if isinstance(self.attributes, str) or not all(isinstance(text, str) for text in words):
            raise LabelError(
                f"The label {self.name!r:.80} is not made of words: names and texts are strings, "
                "attributes a list of strings."
            )
        if self.role not in get_args(Role):
            raise LabelError(
                f"The label {self.name!r:.80} has the role {self.role!r:.80}: give action or "
                "ignore."
            )
        if len(self.name) > MAX_NAME_CHARACTERS:
            raise LabelError(
                f"The label {self.name[:40]!r}… has {len(self.name)} characters; a label has at "
                f"most {MAX_NAME_CHARACTERS}."
            )
        if not _is_visible(self.name):
            raise LabelError("A label is empty or shows nothing: give every label a name.")
        for text in (self.text, *self.attributes):
            if len(text) > MAX_TEXT_CHARACTERS:
                raise LabelError(
                    f"The label {self.name!r:.80} has a text or attribute of {len(text)} "
                    f"characters, {text[:40]!r}…; at most {MAX_TEXT_CHARACTERS} are read."
                )
        if len(self.attributes) > MAX_ATTRIBUTES:
            raise LabelError(
                f"The label {self.name!r:.80} has {len(self.attributes)} attributes; at most "
                f"{MAX_ATTRIBUTES} are read."
            )
        name, text, *attributes = (unicodedata.normalize("NFC", word) for word in words)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "text", text or name)
        object.__setattr__(self, "attributes", tuple(attributes) or (self.text,))
        for text in words:
            if any(
                unicodedata.category(character) in ("Cc", "Cs") or character in _TURNING
                for character in text
            ):
                raise LabelError(
                    f"The label {self.name!r:.80} has a control character in {text!r:.80}: "
                    "remove it."
                )
        if not all(_is_visible(text) for text in (self.text, *self.attributes)):
            raise LabelError(
                f"The label {self.name!r:.80} has an empty text or attribute: fill it, or leave "
                "it out."
            )


def as_labels(labels: Iterable["str | Label"]) -> tuple[Label, ...]:
    """Return `labels` as a tuple of `Label`, checked like those of a file."""
    if isinstance(labels, str | Path):  # a string would be read letter by letter
        raise LabelError(
            f"{str(labels)!r:.80} is not a list: give labels as [{str(labels)!r:.80}]."
        )
    given = tuple(labels)
    check_count(len(given))
    made = tuple(label if isinstance(label, Label) else Label(label) for label in given)
    if not made:
        raise LabelError("No labels were given: name at least one action.")
    check_labels(made)
    return made


def ignored(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return labels as labels to ignore."""
    return tuple(replace(label, role="ignore") for label in labels)


def actions(labels: Iterable[Label]) -> tuple[Label, ...]:
    """Return the labels that are reported."""
    return tuple(label for label in labels if label.role == "action")


def identity_of(label: Label) -> str:
    """Return what changes with a label's text or attributes, as 16 hexadecimal digits."""
    words = json.dumps([label.text, *label.attributes])
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def is_bare(label: Label) -> bool:
    """Say whether a label is a name and nothing more."""
    return label == Label(label.name, role=label.role)


def check_labels(labels: Sequence[Label], where: str = "The label list") -> None:
    """Raise LabelError if there are too many labels or attributes, or a name twice."""
    check_counts(labels, where)
    check_distinct((label.name for label in labels), where)


def check_count(count: int, where: str = "The label list") -> None:
    """Raise LabelError if there are too many labels; ask before each of them costs its time."""
    if count > MAX_LABELS:
        raise LabelError(f"{where} holds {count} labels; at most {MAX_LABELS} are scored at once.")


def check_counts(labels: Sequence[Label], where: str = "The label list") -> None:
    """Raise LabelError if there are too many labels or attributes."""
    check_count(len(labels), where)
    # The bank is a rectangle: every label takes as much room as the one with most attributes.
    most = max((len(label.attributes) for label in labels), default=0)
    if len(labels) * most > MAX_ATTRIBUTES_ALTOGETHER:
        raise LabelError(
            f"{where} holds {len(labels)} labels, of which one has {most} attributes; at most "
            f"{MAX_ATTRIBUTES_ALTOGETHER} are compared at once, labels times attributes."
        )


def _is_visible(text: str) -> bool:
    """Whether `text` has more than spaces, zero-width characters, lone marks and fillers."""
    return any(
        unicodedata.category(character)[0] not in "ZM"
        and unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        and character not in _BLANKS
        for character in text
    )
