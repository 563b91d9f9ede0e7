"""A label bank: labels with their embeddings, the graphs' input."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from ..documents import from_json, shown_clause
from ..errors import BundleError
from .bank_file import BankFile
from .labels import MAX_ATTRIBUTES_ALTOGETHER, MAX_LABELS, Array, Label, Role, check_counts


class _Row(msgspec.Struct):
    """A label in the file."""

    name: str
    text: str
    attributes: list[str]
    role: Role = "action"


@dataclass(frozen=True, eq=False)
class LabelBank:
    """Labels and their unit embeddings.

    Attributes:
        labels: C labels.
        class_embeddings: ê, float32 [C, D].
        attribute_embeddings: ŵ, float32 [C, W, D]; rows beyond a label's own attributes are zero.
        attribute_mask: bool [C, W], true for attributes and false for padding.
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
        check_counts(self.labels)
        # `check_labels` refuses two spellings of a name, which banks of before may have.
        if len(set(self.names)) < classes:
            raise ValueError("two labels have one name")

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

    def select(self, indices: Sequence[int], wanted: Sequence[Label] = ()) -> "LabelBank":
        """Return the bank of the labels at `indices`, with the names and roles of `wanted`."""
        rows = np.asarray(indices, np.intp)
        labels = tuple(self.labels[i] for i in rows)
        if wanted:
            pairs = zip(labels, wanted, strict=True)
            labels = tuple(
                Label(new.name, old.text, old.attributes, new.role) for old, new in pairs
            )
        return LabelBank(
            labels,
            self.class_embeddings[rows],
            self.attribute_embeddings[rows],
            self.attribute_mask[rows],
        )

    def save(self, path: Path | BinaryIO) -> None:
        """Write the bank as an npz file without pickles."""
        table = [
            {"name": label.name, "text": label.text, "attributes": label.attributes}
            | ({} if label.role == "action" else {"role": label.role})
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
    def load(cls, path: Path | BinaryIO, *, where: str | Path | None = None) -> "LabelBank":
        """Read a bank from a file, which messages call `where` if that is given.

        Raises:
            BundleError: the file is not a bank, is too large, or holds pickled objects.
        """
        try:
            with path.open("rb") if isinstance(path, Path) else nullcontext(path) as file:
                stored = BankFile(file, max_labels=MAX_LABELS, max_cells=MAX_ATTRIBUTES_ALTOGETHER)
                rows = from_json(str(stored.read("labels")), list[_Row])
                if len(rows) != stored.count:
                    raise ValueError(f"it has {len(rows)} labels and arrays for {stored.count}")
                bank = cls(
                    tuple(
                        Label(row.name, row.text, tuple(row.attributes), row.role) for row in rows
                    ),
                    stored.read("class_embeddings").astype(np.float32, copy=False),
                    stored.read("attribute_embeddings").astype(np.float32, copy=False),
                    stored.read("attribute_mask").astype(bool, copy=False),
                )
            bank._check_content()
        except Exception as error:  # zipfile, zlib, numpy and json have no common base
            why = shown_clause(" ".join(str(error).split()).rstrip(".") or type(error).__name__)
            raise BundleError(f"{where or path} is not a label bank: {why}.") from error
        return bank

    def _check_content(self) -> None:
        """Raise ValueError if the arrays have the right shapes and useless content."""
        if not self.labels:
            raise ValueError("it holds no labels")
        if not self.attribute_mask.any(axis=1).all():
            raise ValueError("a label has no attribute")
        counts = [len(label.attributes) for label in self.labels]
        if self.attribute_mask.sum(axis=1).tolist() != counts:
            raise ValueError("its labels and its embeddings disagree on the attributes")
        for name in ("class_embeddings", "attribute_embeddings"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name} are not finite")


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
