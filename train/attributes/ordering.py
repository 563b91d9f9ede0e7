"""How well attributes tell labels apart, and how many tokens they are: by a bundle, if given."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...runtime.errors import StzsarError
from ...runtime.labels.labels import Label
from .rules import estimated_tokens

if TYPE_CHECKING:
    from ...runtime.text.encoder import TextEncoder

Array = npt.NDArray[Any]

# Of a text whose tokens are counted: more than any attribute has.
_LENGTH = 4096


class NoEncoder:
    """Without a text encoder: the order stays as given, and tokens are estimated."""

    def tokens(self, words: str) -> int:
        """Return about how many tokens `words` are."""
        return estimated_tokens(words)

    def ordered(
        self, labels: Sequence[Label], words: Mapping[str, Sequence[str]]
    ) -> dict[str, list[str]]:
        """Return the attributes of each label's name in the order they came in."""
        return {label.name: list(words.get(label.name, ())) for label in labels}


class BundleEncoder:
    """The tokenizer and the text encoder of a bundle."""

    def __init__(self, folder: Path) -> None:
        """Open the bundle; its text graph is loaded when it is needed.

        Raises:
            StzsarError: it has no text encoder, or what runs it is not installed.
        """
        from ...runtime.bundle.bundle import TOKENIZER, Bundle
        from ...runtime.text.encoder import open_tokenizer

        self._bundle = Bundle.open(folder)
        if self._bundle.manifest.text is None:
            raise StzsarError(
                f"{folder} has no text encoder: export it with one, or leave out --bundle."
            )
        self._bundle.check(TOKENIZER)
        self._encode = open_tokenizer(self._bundle, _LENGTH)
        self._of_none = len(self._encode(""))  # start and end
        self._encoder: TextEncoder | None = None

    def tokens(self, words: str) -> int:
        """Return how many tokens `words` are, without those of start and end."""
        from ...runtime.text.clean_text import clean_text

        return len(self._encode(clean_text(words))) - self._of_none

    def ordered(
        self, labels: Sequence[Label], words: Mapping[str, Sequence[str]]
    ) -> dict[str, list[str]]:
        """Return the attributes of each label's name, those that tell it best first."""
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
            lead = leads(embeddings[start : start + len(own)], classes, row)
            start += len(own)
            # Ties keep the order they came in.
            ordered[label.name] = [own[i] for i in np.argsort(-lead, kind="stable")]
        return ordered


def leads(attributes: Array, classes: Array, row: int) -> Array:
    """Return by how much each attribute is nearer to its own class than to the nearest other.

    Args:
        attributes: unit embeddings [N, D].
        classes: unit embeddings [C, D].
        row: which class is theirs.

    Returns:
        [N]; the similarity itself where there is no other class.
    """
    similarities = attributes @ classes.T
    own = similarities[:, row]
    others = np.delete(similarities, row, axis=1)
    return own - others.max(axis=1) if others.shape[1] else own
