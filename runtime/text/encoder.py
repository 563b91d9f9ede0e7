"""Embeds text on the device, with the bundle's tokenizer and text graph."""

import importlib.util
import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..bundle.bundle import TEXT_GRAPH, TOKENIZER, Bundle
from ..callbacks import OnEmbedded
from ..engines.graph import Graph
from ..engines.opening import open_graph
from ..errors import BundleError, EngineError
from ..labels.bank import LabelBank
from ..labels.cut import cut_warning
from ..labels.labels import Label
from ..labels.scripts import script_warning
from .cache import EmbeddingCache
from .clean_text import clean_text
from .clip_tokenizer import ClipTokenizer

BATCH = 16  # small enough to show progress all the time

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)


class Tokens(NamedTuple):
    """The tokens of some texts.

    Attributes:
        rows: int64 [N * K, context_length], K prompts of a text after each other; zero beyond a
            row's end.
        cut: the first row of each text that was longer in some prompt, as bytes.
    """

    rows: Array
    cut: dict[str, bytes]


class TextEncoder:
    """Embeds labels with the text graph of a bundle.

    The graph and the tokenizer are loaded with the first text that the cache does not know.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        """Load nothing yet.

        Raises:
            BundleError: the bundle has no text encoder.
        """
        spec = bundle.manifest.text
        if spec is None:
            raise BundleError(f"{bundle.path} has no text encoder: export it with one.")
        self._bundle, self._threads = bundle, threads
        self._prompts = spec.prompts
        self._context_length = spec.context_length
        self._path = bundle.path / TEXT_GRAPH
        self._dim = bundle.bank.class_embeddings.shape[1]
        files = bundle.manifest.files
        encoder = (files[TEXT_GRAPH], files[TOKENIZER], *spec.prompts, str(spec.context_length))
        self._cache = EmbeddingCache(encoder, self._dim)

    def load(self) -> None:
        """Load the tokenizer and the graph, if they are not loaded yet.

        Raises:
            BundleError: the graph or the tokenizer cannot be read, or is not what it should be.
            EngineError: the inference engine is not installed, or a tokenizer that is not CLIP's
                requires the package tokenizers.
        """
        _ = self._encode, self._graph

    @cached_property
    def _encode(self) -> Callable[[str], Sequence[int]]:
        # The bundle may have been opened long ago and exported again since.
        self._bundle.check(TOKENIZER)
        return open_tokenizer(self._bundle.path / TOKENIZER, self._context_length + 1)

    @cached_property
    def _graph(self) -> Graph:
        self._bundle.check(TEXT_GRAPH)
        # It runs once: building a TensorRT engine for it would take longer.
        engine = "onnxruntime" if importlib.util.find_spec("onnxruntime") else "auto"
        graph = open_graph(self._path, threads=self._threads, engine=engine)
        if graph.inputs != ("tokens",) or graph.outputs != ("embeddings",):
            raise BundleError(f"{self._path} is not a text graph: export the bundle again.")
        return graph

    def embed(self, texts: Sequence[str], progress: OnEmbedded | None = None) -> Array:
        """Return the unit embeddings of `texts`, each within the bundle's prompts.

        Args:
            texts: N labels or attributes; equal ones are embedded once, and those that were
                embedded before come from the user's cache.
            progress: called with the number of different texts that are embedded, and of all.

        Returns:
            float32 [N, D].

        Raises:
            BundleError: the tokenizer or the graph cannot be used.
            EngineError: the engine is not installed, or the graph fails.
        """
        return self._embed(texts, progress)[0]

    def _embed(
        self, texts: Sequence[str], progress: OnEmbedded | None
    ) -> tuple[Array, dict[str, bytes]]:
        """Return the embeddings, and the tokens that are left of texts that were cut."""
        unique = list(dict.fromkeys(texts))
        embedded = self._cache.find(unique)
        missing = [text for text in unique if text not in embedded]
        if progress:
            progress(len(embedded), len(unique))
        size = max(1, BATCH // len(self._prompts))
        for start in range(0, len(missing), size):
            batch = missing[start : start + size]
            tokens = self.tokens(batch)
            rows = self._in_all_prompts(tokens.rows)
            new = {text: (row, tokens.cut.get(text)) for text, row in zip(batch, rows, strict=True)}
            self._cache.keep(new)
            embedded |= new
            if progress:
                progress(len(embedded), len(unique))
        cut = {text: tokens for text, (_, tokens) in embedded.items() if tokens is not None}
        return np.stack([embedded[text][0] for text in texts]), cut

    def _in_all_prompts(self, tokens: Array) -> Array:
        """Return the unit embeddings [N, D] of texts in K prompts, int64 [N * K, L]."""
        prompts = len(self._prompts)
        # Ensembles go through the graph in parts too.
        parts = [tokens[start : start + BATCH] for start in range(0, len(tokens), BATCH)]
        each = [self._checked(self._graph({"tokens": part})["embeddings"]) for part in parts]
        embeddings = np.concatenate(each)
        if prompts == 1:
            return embeddings
        mean = embeddings.reshape(-1, prompts, self._dim).mean(1)
        norm = np.linalg.norm(mean, axis=1, keepdims=True)
        return mean / np.maximum(norm, 1e-12).astype(np.float32)

    def _checked(self, embeddings: Array) -> Array:
        fits = embeddings.dtype == np.float32 and embeddings.shape[1:] == (self._dim,)
        if not (fits and np.isfinite(embeddings).all()):
            raise BundleError(
                f"{self._path} gives {embeddings.dtype} {list(embeddings.shape)}, and not finite "
                f"float32 rows of {self._dim} like the bank: export the bundle again."
            )
        return embeddings

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Return the tokens of `texts` in all prompts."""
        prompted = [(text, prompt) for text in texts for prompt in self._prompts]
        length = self._context_length
        rows = np.zeros((len(prompted), length), np.int64)
        cut: dict[str, bytes] = {}
        for row, (text, prompt) in zip(rows, prompted, strict=True):
            tokens = self._encode(clean_text(prompt.replace("{}", text)))
            if len(tokens) <= length:
                row[: len(tokens)] = tokens
            else:
                row[:] = *tokens[: length - 1], tokens[-1]
                cut.setdefault(text, row.tobytes())
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


def open_tokenizer(path: Path, length: int) -> Callable[[str], Sequence[int]]:
    """Return a function from cleaned text to at most `length` tokens, start and end included.

    Raises:
        BundleError: the file is no tokenizer.
        EngineError: it is not CLIP's and the package tokenizers is not installed.
    """
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
        raise BundleError(f"{path} is not a tokenizer: {error!s:.200}.") from error
    # Truncation counts the start and end tokens, so the end token is kept.
    tokenizer.enable_truncation(length)
    tokenizer.no_padding()

    def encode(text: str) -> Sequence[int]:
        try:
            return tokenizer.encode(text).ids
        except Exception as error:  # tokenizers raises bare Exception
            raise BundleError(
                f"The tokenizer {path} cannot read {text!r:.80} ({error!s:.200}): export the "
                "bundle again."
            ) from error

    return encode
