"""CLIP's byte-pair tokenizer, read from a bundle's `tokenizer.json`.

The package `tokenizers` reads it too, and brings the Hugging Face hub's client with it: 40 MB on a
device that downloads nothing. Tokenizers of another kind (SigLIP2's) still go through it.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

START, END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"
_SUFFIXES = ("'re", "'ve", "'ll", "'s", "'t", "'m", "'d")
# No letter but a case variant of one, which open_clip's pattern drops.
_DROPPED = "\u0345"


class ClipTokenizer:
    """Prompts to tokens as open_clip's `SimpleTokenizer` gives them, for cleaned text.

    Raises:
        ValueError: the file is no CLIP tokenizer, see `reads`.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        if not self.reads(document):
            raise ValueError("not a byte-pair tokenizer of CLIP's kind")
        model = document["model"]
        self._token_of: dict[str, int] = model["vocab"]
        # As pairs, or as "a b" in files of tokenizers before 0.20.
        pairs = (tuple(m.split(" ") if isinstance(m, str) else m) for m in model["merges"])
        self._rank_of = {pair: rank for rank, pair in enumerate(pairs)}
        self._start, self._end = self._token_of[START], self._token_of[END]
        self._tokens_of_word = lru_cache(maxsize=65_536)(self._merge)

    @classmethod
    def open(cls, path: Path) -> "ClipTokenizer | None":
        """Return the tokenizer of a file; None if it is of another kind.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not JSON.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(document) if cls.reads(document) else None

    @staticmethod
    def reads(document: Any) -> bool:
        """Say whether a parsed `tokenizer.json` is a byte-pair tokenizer of CLIP's kind."""
        model = document.get("model", {}) if isinstance(document, dict) else {}
        vocabulary = model.get("vocab", {})
        return (
            model.get("type") == "BPE"
            and model.get("end_of_word_suffix") == _WORD_END
            and isinstance(vocabulary, dict)
            and {START, END, *_CHARACTER_OF_BYTE} <= vocabulary.keys()
            and not document.get("added_tokens")
        )

    def encode(self, text: str, length: int) -> list[int]:
        """Return the tokens of cleaned text: start, at most `length` - 2 of its own, end."""
        own: list[int] = []
        for word in split_words(text):
            own += self._tokens_of_word(word)
            if len(own) >= length:
                break
        return [self._start, *own[: length - 2], self._end]

    def _merge(self, word: str) -> tuple[int, ...]:
        """Return a word's tokens: its bytes, the best pair of neighbours merged until none is."""
        parts = [_CHARACTER_OF_BYTE[byte] for byte in word.encode()]
        parts[-1] += _WORD_END
        never = len(self._rank_of)
        while len(parts) > 1:
            best = min(pairwise(parts), key=lambda pair: self._rank_of.get(pair, never))
            if best not in self._rank_of:
                break
            parts = _joined(parts, best)
        return tuple(self._token_of.get(part, self._end) for part in parts)


def split_words(text: str) -> list[str]:
    """Return what CLIP merges bytes in: runs of letters, single digits, runs of other signs."""
    words: list[str] = []
    kind_before = ""
    place = 0
    while place < len(text):
        suffix = next((s for s in _SUFFIXES if text.startswith(s, place)), None)
        # A suffix is one at the start of a word alone: signs run on over their apostrophe.
        if suffix and kind_before != "sign":
            words.append(suffix)
            kind_before, place = "", place + len(suffix)
            continue
        character = text[place]
        kind = _kind(character)
        if kind and kind == kind_before and kind != "number":
            words[-1] += character
        elif kind:
            words.append(character)
        kind_before, place = kind, place + 1
    return words


def _kind(character: str) -> str:
    if character.isspace() or character == _DROPPED:
        return ""
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "sign")


def _joined(parts: Sequence[str], pair: tuple[str, ...]) -> list[str]:
    """Return the parts with each occurrence of the pair made one, from the left."""
    joined: list[str] = []
    place = 0
    while place < len(parts):
        if tuple(parts[place : place + 2]) == pair:
            joined.append("".join(pair))
            place += 2
        else:
            joined.append(parts[place])
            place += 1
    return joined


def _byte_characters() -> list[str]:
    """Return the character that stands for each byte: itself if printable, else one above 255."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    moved = iter(range(256, 512))
    return [chr(byte if byte in printable else next(moved)) for byte in range(256)]


_CHARACTER_OF_BYTE = _byte_characters()
