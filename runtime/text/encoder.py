"""Embeds text on the device, with the bundle's tokenizer and text graph."""

import importlib.util
import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..bundle.bundle import TEXT_GRAPH, TOKENIZER, Bundle
from ..callbacks import OnEmbedded
from ..engines.opening import open_graph
from ..errors import BundleError, EngineError
from ..labels.bank import LabelBank
from ..labels.cut import cut_warning
from ..labels.labels import Label
from ..labels.scripts import script_warning
from .clean_text import clean_text
from .clip_tokenizer import ClipTokenizer

BATCH = 256

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)


class Tokens(NamedTuple):
    """The tokens of some texts.

    Attributes:
        rows: int64 [N, context_length], zero beyond a row's end.
        cut: the rows of the texts that were longer, as bytes.
    """

    rows: Array
    cut: dict[str, bytes]


class TextEncoder:
    """Embeds labels with the text graph of a bundle."""

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        """Load the tokenizer and the graph.

        Raises:
            BundleError: the bundle has no text encoder, or an unreadable tokenizer.
            EngineError: the inference engine is not installed, or a tokenizer that is not CLIP's
                requires the package tokenizers.
        """
        spec = bundle.manifest.text
        if spec is None:
            raise BundleError(f"{bundle.path} has no text encoder: export it with one.")
        # The bundle may have been opened long ago and exported again since.
        bundle.check(TOKENIZER)
        bundle.check(TEXT_GRAPH)
        self._prompt = spec.prompt
        self._context_length = spec.context_length
        self._encode = open_tokenizer(bundle, spec.context_length + 1)
        self._path = bundle.path / TEXT_GRAPH
        # It runs once: building a TensorRT engine for it would take longer.
        engine = "onnxruntime" if importlib.util.find_spec("onnxruntime") else "auto"
        self._graph = open_graph(self._path, threads=threads, engine=engine)
        self._dim = bundle.bank.class_embeddings.shape[1]
        if self._graph.inputs != ("tokens",) or self._graph.outputs != ("embeddings",):
            raise BundleError(f"{self._path} is not a text graph: export the bundle again.")

    def embed(self, texts: Sequence[str], progress: OnEmbedded | None = None) -> Array:
        """Return the unit embeddings of `texts`, each within the bundle's prompt.

        Args:
            texts: N labels or attributes; equal ones are embedded once.
            progress: called with the number of different texts that are embedded, and of all.

        Returns:
            float32 [N, D].

        Raises:
            BundleError: the graph's embeddings do not have the bank's type and width.
            EngineError: the graph fails.
        """
        return self._embed(texts, progress)[0]

    def _embed(
        self, texts: Sequence[str], progress: OnEmbedded | None
    ) -> tuple[Array, dict[str, bytes]]:
        """Return the embeddings, and the tokens that are left of texts that were cut."""
        unique = list(dict.fromkeys(texts))
        parts: list[Array] = []
        cut: dict[str, bytes] = {}
        for start in range(0, len(unique), BATCH):
            batch = unique[start : start + BATCH]
            tokens = self.tokens(batch)
            cut |= tokens.cut
            parts.append(self._checked(self._graph({"tokens": tokens.rows})["embeddings"]))
            if progress:
                progress(start + len(batch), len(unique))
        row_of = {text: row for row, text in enumerate(unique)}
        return np.concatenate(parts)[[row_of[text] for text in texts]], cut

    def _checked(self, embeddings: Array) -> Array:
        fits = embeddings.dtype == np.float32 and embeddings.shape[1:] == (self._dim,)
        if not (fits and np.isfinite(embeddings).all()):
            raise BundleError(
                f"{self._path} gives {embeddings.dtype} {list(embeddings.shape)}, and not finite "
                f"float32 rows of {self._dim} like the bank: export the bundle again."
            )
        return embeddings

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of the prompts of `texts`."""
        prompts = [clean_text(self._prompt.replace("{}", text)) for text in texts]
        length = self._context_length
        rows = np.zeros((len(texts), length), np.int64)
        cut: dict[str, bytes] = {}
        try:
            for row, text, prompt in zip(rows, texts, prompts, strict=True):
                tokens = self._encode(prompt)
                if len(tokens) <= length:
                    row[: len(tokens)] = tokens
                else:
                    row[:] = *tokens[: length - 1], tokens[-1]
                    cut[text] = row.tobytes()
        except Exception as error:  # tokenizers raises bare Exception
            raise BundleError(
                f"The tokenizer of {self._path.parent} cannot read a label ({error}): export the "
                "bundle again."
            ) from error
        return Tokens(rows, cut)

    def _count(self, text: str) -> int:
        """Return how many tokens a text has, without start and end."""
        return len(self._encode(clean_text(text))) - 2

    def bank_for(self, labels: Sequence[Label], progress: OnEmbedded | None = None) -> LabelBank:
        """Embed the texts of `labels` and their attributes, and warn of those it hardly reads."""
        texts = [text for label in labels for text in (label.text, *label.attributes)]
        embeddings, cut = self._embed(texts, progress)
        if warning := cut_warning(labels, cut, self._context_length):
            log.warning("%s", warning)
        if warning := script_warning((label.text for label in labels), self._count):
            log.warning("%s", warning)
        counts = [len(label.attributes) for label in labels]
        # A label's rows follow each other: its text, then its attributes.
        firsts = np.cumsum([0] + [1 + count for count in counts[:-1]])
        mask = np.arange(max(counts)) < np.asarray(counts)[:, None]
        attributes = np.zeros((*mask.shape, embeddings.shape[1]), np.float32)
        for row, (first, count) in enumerate(zip(firsts, counts, strict=True)):
            attributes[row, :count] = embeddings[first + 1 : first + 1 + count]
        return LabelBank(tuple(labels), embeddings[firsts], attributes, mask)


def open_tokenizer(bundle: Bundle, length: int) -> Callable[[str], Sequence[int]]:
    """Return a function from cleaned text to at most `length` tokens, start and end included.

    Raises:
        BundleError: the bundle's tokenizer cannot be read.
        EngineError: it is not CLIP's and the package tokenizers is not installed.
    """
    path = bundle.path / TOKENIZER
    try:
        tokenizer = ClipTokenizer.open(path)
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} is not a tokenizer: {error}.") from error
    return partial(tokenizer.encode, length=length) if tokenizer else _other_kind(path, length)


def _other_kind(path: Path, length: int) -> Callable[[str], Sequence[int]]:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise EngineError(
            f"The tokenizer of {path.parent} is not CLIP's, and new labels need the package "
            "tokenizers to read it: pip install tokenizers."
        ) from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise BundleError(f"{path} is not a tokenizer: {error}.") from error
    # Truncation counts the start and end tokens, so the end token is kept.
    tokenizer.enable_truncation(length)
    tokenizer.no_padding()
    return lambda text: tokenizer.encode(text).ids
