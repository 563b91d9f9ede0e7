"""Orders attributes by how well they tell labels apart, and counts their tokens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...runtime.engines.graph import Array
from ...runtime.errors import StzsarError
from ...runtime.labels.labels import Label
from .rules import estimated_tokens

if TYPE_CHECKING:
    from ...runtime.text.encoder import TextEncoder


# Longer than any attribute in tokens.
_LENGTH = 4096


class NoEncoder:
    """Keeps the order, and estimates tokens."""

    def tokens(self, words: str) -> int:
        return estimated_tokens(words)

    def ordered(
        self, labels: Sequence[Label], words: Mapping[str, Sequence[str]]
    ) -> dict[str, list[str]]:
        """Return the attributes by label in their first order."""
        return {label.name: list(words.get(label.name, ())) for label in labels}


class BundleEncoder:
    """Orders with a bundle's text encoder, and counts with its tokenizer."""

    def __init__(self, folder: Path) -> None:
        """Open the bundle; its text graph is loaded on first use.

        Raises:
            StzsarError: it has no text encoder, or no engine is installed to run it.
        """
        from ...runtime.bundle.bundle import TOKENIZER, Bundle
        from ...runtime.text.encoder import open_tokenizer

        self._bundle = Bundle.open(folder)
        if self._bundle.manifest.text is None:
            raise StzsarError(
                f"{folder} has no text encoder: export it with one, or leave out --bundle."
            )
        self._bundle.check(TOKENIZER)
        self._encode = open_tokenizer(self._bundle.path / TOKENIZER, _LENGTH)
        self._frame = len(self._encode(""))  # its first and last token
        self._encoder: TextEncoder | None = None

    def tokens(self, words: str) -> int:
        """Return how many tokens `words` have, without those of start and end."""
        from ...runtime.text.clean_text import clean_text

        return len(self._encode(clean_text(words))) - self._frame

    def ordered(
        self, labels: Sequence[Label], words: Mapping[str, Sequence[str]]
    ) -> dict[str, list[str]]:
        """Return the attributes by label, the most telling first."""
        from ...runtime.text.encoder import TextEncoder

        texts = [text for label in labels for text in words.get(label.name, ())]
        if not texts:
            return {label.name: [] for label in labels}
        self._encoder = self._encoder or TextEncoder(self._bundle)
        classes = self._encoder.embed([label.text for label in labels])
        embeddings = self._encoder.embed(texts)
        ordered, start = {}, 0
        for row, label in enumerate(labels):
            own = list(words.get(label.name, ()))
            by = margins(embeddings[start : start + len(own)], classes, row)
            start += len(own)
            # Ties keep their order.
            ordered[label.name] = [own[i] for i in np.argsort(-by, kind="stable")]
        return ordered


def margins(attributes: Array, classes: Array, row: int) -> Array:
    """Return how much nearer each attribute [N, D] is to its own class than to any other [C, D].

    All embeddings have unit length; `row` is the own class. Where there is no other, it is the
    similarity itself.
    """
    similarities = attributes @ classes.T
    own = similarities[:, row]
    others = np.delete(similarities, row, axis=1)
    return own - others.max(axis=1) if others.shape[1] else own
