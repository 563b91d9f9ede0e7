"""CLIP's byte-pair tokenizer, read from a bundle's `tokenizer.json`.

It is our own because the package `tokenizers` installs the Hugging Face hub's client: 40 MB on a
device that downloads nothing. Other kinds of tokenizers (SigLIP2's) still use that package.
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
# A case variant of a letter and no letter itself: open_clip's pattern drops it.
_DROPPED = "\u0345"


class ClipTokenizer:
    """Tokenizes cleaned text exactly as open_clip's `SimpleTokenizer` does.

    Raises:
        ValueError: the document is not a CLIP tokenizer, see `reads`.
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
        """Read a tokenizer from a file; return None if it is another kind.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is not JSON.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(document) if cls.reads(document) else None

    @staticmethod
    def reads(document: Any) -> bool:
        """Whether a parsed `tokenizer.json` is a byte-pair tokenizer of CLIP's kind."""
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
        """Return a word's tokens: its bytes, merged pair by pair, the best pair first."""
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
    """Split text as CLIP does: runs of letters, single digits, runs of other signs."""
    words: list[str] = []
    kind_before = ""
    place = 0
    while place < len(text):
        suffix = next((s for s in _SUFFIXES if text.startswith(s, place)), None)
        # Only at the start of a word: an apostrophe after other signs belongs to their run.
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
    """Return the parts with each occurrence of the pair joined, from the left."""
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
    """Return the character that represents each byte: a printable one itself, others above 255."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    moved = iter(range(256, 512))
    return [chr(byte if byte in printable else next(moved)) for byte in range(256)]


_CHARACTER_OF_BYTE = _byte_characters()
