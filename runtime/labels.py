"""Labels: what people write, and the bank of embeddings that the graphs take.

A `Label` is a name with its description attributes; a `LabelBank` is many of them embedded. The
module knows nothing of graphs or tokens: `runtime.text` and `stzsar.models` make the embeddings.
"""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from .errors import BundleError, LabelError

MAX_LABELS = 10_000
MAX_NAME_CHARACTERS = 200
MAX_ATTRIBUTES = 64
# What numpy, zipfile and json raise on files that are something else, or cut short.
_NO_BANK = (OSError, LookupError, ValueError, TypeError, EOFError, BadZipFile, LabelError)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Label:
    """One action that can be recognised.

    Attributes:
        name: what is shown; unique among the labels of a run.
        text: the words that are embedded; the name, unless said otherwise.
        attributes: short descriptions (objects, body parts, scene); the text itself if empty.
    """

    name: str
    text: str = ""
    attributes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise LabelError("A label is empty: give every label a name.")
        if len(self.name) > MAX_NAME_CHARACTERS:
            raise LabelError(
                f"The label {self.name[:40]!r}… has {len(self.name)} characters; a label has at "
                f"most {MAX_NAME_CHARACTERS}."
            )
        if len(self.attributes) > MAX_ATTRIBUTES:
            raise LabelError(
                f"The label {self.name!r} has {len(self.attributes)} attributes; at most "
                f"{MAX_ATTRIBUTES} are read."
            )
        object.__setattr__(self, "text", self.text or self.name)
        object.__setattr__(self, "attributes", tuple(self.attributes) or (self.text,))


@dataclass(frozen=True, eq=False)
class LabelBank:
    """Labels and their unit embeddings, as the graphs take them.

    Attributes:
        labels: C labels.
        class_embeddings: ê, float32 [C, D].
        attribute_embeddings: ŵ, float32 [C, W, D]; rows beyond a label's own attributes are zero.
        attribute_mask: bool [C, W], true where there is an attribute.
    """

    labels: tuple[Label, ...]
    class_embeddings: Array
    attribute_embeddings: Array
    attribute_mask: Array

    def __post_init__(self) -> None:
        classes, dim = len(self.labels), self.class_embeddings.shape[-1]
        words = self.attribute_embeddings.shape[1] if self.attribute_embeddings.ndim == 3 else -1
        expected = {
            "class_embeddings": (classes, dim),
            "attribute_embeddings": (classes, words, dim),
            "attribute_mask": (classes, words),
        }
        for field, shape in expected.items():
            if getattr(self, field).shape != shape:
                raise ValueError(f"{field} is {getattr(self, field).shape}, expected {shape}")
        check_names(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels' names, in the order of the scores."""
        return tuple(label.name for label in self.labels)

    def arrays(self) -> dict[str, Array]:
        """Return the graph inputs by name."""
        return {
            "class_embeddings": self.class_embeddings,
            "attribute_embeddings": self.attribute_embeddings,
            "attribute_mask": self.attribute_mask,
        }

    def select(self, indices: Sequence[int]) -> "LabelBank":
        """Return the bank of the labels at `indices`."""
        rows = np.asarray(indices, np.intp)
        return LabelBank(
            tuple(self.labels[i] for i in rows),
            self.class_embeddings[rows],
            self.attribute_embeddings[rows],
            self.attribute_mask[rows],
        )

    def save(self, path: Path) -> None:
        """Write the bank as an npz file without pickles."""
        table = [
            {"name": label.name, "text": label.text, "attributes": label.attributes}
            for label in self.labels
        ]
        np.savez(
            path,
            labels=np.asarray(json.dumps(table)),
            class_embeddings=self.class_embeddings,
            attribute_embeddings=self.attribute_embeddings,
            attribute_mask=self.attribute_mask,
        )

    @classmethod
    def load(cls, path: Path) -> "LabelBank":
        """Read a bank.

        Raises:
            BundleError: the file is no bank, or holds pickled objects.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                table = json.loads(str(stored["labels"]))
                return cls(
                    tuple(
                        Label(row["name"], row["text"], tuple(row["attributes"])) for row in table
                    ),
                    stored["class_embeddings"].astype(np.float32),
                    stored["attribute_embeddings"].astype(np.float32),
                    stored["attribute_mask"].astype(bool),
                )
        except _NO_BANK as error:
            raise BundleError(f"{path} is not a label bank: {error}.") from error


def stack_banks(banks: Sequence[LabelBank]) -> LabelBank:
    """Join banks of any attribute counts into one, in order."""
    words = max(bank.attribute_mask.shape[1] for bank in banks)

    def padded(array: Array) -> Array:
        missing = words - array.shape[1]
        return np.pad(array, [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)])

    return LabelBank(
        tuple(label for bank in banks for label in bank.labels),
        np.concatenate([bank.class_embeddings for bank in banks]),
        np.concatenate([padded(bank.attribute_embeddings) for bank in banks]),
        np.concatenate([padded(bank.attribute_mask) for bank in banks]),
    )


def read_labels(path: Path) -> tuple[Label, ...]:
    """Read labels from a text file (one name a line, `#` comments) or a JSON file.

    The JSON form is a list of `{"label": …, "attributes": [...], "text": …}`, of which only
    `label` must be there.

    Raises:
        LabelError: the file is missing, not UTF-8, empty, too long, or names a label twice.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LabelError(
            f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8, one label a line."
        ) from error
    except OSError as error:
        raise LabelError(f"Cannot read the labels {path}: {error.strerror}.") from error
    if "\0" in content:
        raise LabelError(f"{path} is not a text file: give one label a line, in UTF-8.")
    labels = _from_json(content, path) if path.suffix == ".json" else _from_lines(content)
    if not labels:
        raise LabelError(f"{path} holds no labels: write one a line.")
    check_names([label.name for label in labels], where=str(path))
    return labels


def default_labels() -> tuple[Label, ...]:
    """Return the labels of Kinetics-400: 400 actions of people, where nobody said which."""
    return read_labels(Path(__file__).parent / "label_sets" / "kinetics-400.txt")


def as_labels(labels: Iterable["str | Label"]) -> tuple[Label, ...]:
    """Return `labels` as a tuple of `Label`, checked as a file's would be."""
    made = tuple(label if isinstance(label, Label) else Label(label) for label in labels)
    if not made:
        raise LabelError("No labels were given: name at least one action.")
    check_names([label.name for label in made])
    return made


def check_names(names: Sequence[str], where: str = "The label list") -> None:
    """Raise LabelError if there are too many names, or one twice."""
    if len(names) > MAX_LABELS:
        raise LabelError(
            f"{where} holds {len(names)} labels; at most {MAX_LABELS} are scored at once."
        )
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise LabelError(f"{where} names {name!r} twice: keep one of them.")
        seen.add(name)


def nearest_names(name: str, names: Sequence[str], count: int = 3) -> list[str]:
    """Return up to `count` of `names` that are spelt most like `name`, in any case."""
    spelt = {known.casefold(): known for known in names}
    found = difflib.get_close_matches(name.casefold(), spelt, n=count, cutoff=0.0)
    return [spelt[match] for match in found]


def _from_lines(content: str) -> tuple[Label, ...]:
    lines = (line.strip() for line in content.splitlines())
    return tuple(Label(line) for line in lines if line and not line.startswith("#"))


def _from_json(content: str, path: Path) -> tuple[Label, ...]:
    try:
        return tuple(_from_row(row) for row in json.loads(content))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LabelError(
            f'{path} is not a list of {{"label": …, "attributes": [...]}}: {error}.'
        ) from error


def _from_row(row: dict[str, Any]) -> Label:
    attributes = row.get("attributes", [])
    strings = [row["label"], row.get("text", ""), *attributes]
    if not isinstance(attributes, list) or not all(isinstance(s, str) for s in strings):
        raise TypeError("labels, texts and attributes are strings")
    return Label(row["label"].strip(), row.get("text", ""), tuple(attributes))
