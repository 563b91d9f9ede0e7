"""CLIP's byte-pair tokenizer, read from a bundle's `tokenizer.json`.

It is our own because the package `tokenizers` installs the Hugging Face hub's client: 40 MB on a
device that downloads nothing. Other kinds of tokenizers (SigLIP2's) still use that package.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ..documents import MIB, from_json, read_file

MAX_FILE_MIB = 64
START, END = "<|startoftext|>", "<|endoftext|>"
_WORD_END = "</w>"
_SUFFIXES = ("'re", "'ve", "'ll", "'s", "'t", "'m", "'d")
# A case variant of a letter and no letter itself: open_clip's pattern drops it.
_DROPPED = "\u0345"


class _Kind(msgspec.Struct):
    """The part of a model that tells its kind."""

    type: str = ""
    end_of_word_suffix: str | None = None


class _Model(msgspec.Struct):
    """A byte-pair model; files of tokenizers before 0.20 have a merge as "a b"."""

    vocab: dict[str, Annotated[int, Meta(ge=0, lt=2**31)]]
    merges: list[tuple[str, str] | str] = []


class _Document(msgspec.Struct):
    """A `tokenizer.json`."""

    model: msgspec.Raw
    added_tokens: msgspec.Raw = msgspec.Raw(b"[]")


class ClipTokenizer:
    """Tokenizes cleaned text exactly as open_clip's `SimpleTokenizer` does."""

    def __init__(self, vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> None:
        self._token_of = vocabulary
        self._rank_of = {pair: rank for rank, pair in enumerate(merges)}
        self._start, self._end = vocabulary[START], vocabulary[END]
        self._tokens_of_word = lru_cache(maxsize=65_536)(self._merge)

    @classmethod
    def open(cls, path: Path) -> "ClipTokenizer | None":
        """Read a `tokenizer.json`; return None if it is not a byte-pair tokenizer of CLIP's kind.

        Raises:
            OSError: the file cannot be read, or is too large.
            ValueError: it is not a tokenizer.
        """
        return cls.parse(read_file(path, MAX_FILE_MIB * MIB))

    @classmethod
    def parse(cls, content: bytes | str) -> "ClipTokenizer | None":
        """Read the content of a `tokenizer.json`, see `open`."""
        document = from_json(content, _Document)
        kind = from_json(bytes(document.model), _Kind)
        has_added_tokens = bytes(document.added_tokens).strip() not in (b"[]", b"null")
        if kind.type != "BPE" or kind.end_of_word_suffix != _WORD_END or has_added_tokens:
            return None
        model = from_json(bytes(document.model), _Model)
        if not {START, END, *_CHARACTER_OF_BYTE} <= model.vocab.keys():
            return None
        pairs = [tuple(m.split(" ")) if isinstance(m, str) else m for m in model.merges]
        return cls(model.vocab, [pair for pair in pairs if len(pair) == 2])

    def encode(self, text: str, length: int) -> list[int]:
        """Return the tokens of cleaned text: start, at most `length` - 2 of its own, end."""
        own: list[int] = []
        for word in split_words(text):
            own += self._tokens_of_word(word)
            if len(own) >= length:
                break
        return [self._start, *own[: length - 2], self._end]

    def _merge(self, word: str) -> tuple[int, ...]:
        """Return a word's tokens: its bytes, merged pair by pair, the best pair first.

        All places of a pair are merged from the left before any pair that this creates. The queue
        keeps a long word from taking time by the square of its length.
        """
        parts = [_CHARACTER_OF_BYTE[byte] for byte in word.encode()]
        parts[-1] += _WORD_END
        end = len(parts)
        before, after = list(range(-1, end - 1)), list(range(1, end + 1))
        queue = [
            (self._rank_of[pair], place)
            for place, pair in enumerate(pairwise(parts))
            if pair in self._rank_of
        ]
        heapify(queue)
        while queue:
            rank = queue[0][0]
            merged: list[int] = []
            while queue and queue[0][0] == rank:
                _, place = heappop(queue)
                following = after[place]
                # The place may have been merged since, alone or with others.
                pair = (parts[place], parts[following]) if following < end else None
                if pair is None or self._rank_of.get(pair) != rank:
                    continue
                parts[place] += parts[following]
                parts[following] = ""
                after[place] = after[following]
                if after[place] < end:
                    before[after[place]] = place
                merged.append(place)
            for place in merged:
                for first in (before[place], place):
                    following = after[first] if first >= 0 else end
                    if following < end:
                        new = self._rank_of.get((parts[first], parts[following]))
                        if new is not None:
                            heappush(queue, (new, first))
        return tuple(self._token_of.get(part, self._end) for part in parts if part)


def split_words(text: str) -> Iterator[str]:
    """Split text as CLIP does: runs of letters, single digits, runs of other signs."""
    kind_before = ""
    place = 0
    while place < len(text):
        # Only at the start of a word: an apostrophe after other signs belongs to their run.
        suffix = next((s for s in _SUFFIXES if text.startswith(s, place)), None)
        if suffix and kind_before != "sign":
            yield suffix
            kind_before, place = "", place + len(suffix)
            continue
        kind = _kind(text[place])
        end = place + 1
        while kind in ("letter", "sign") and end < len(text) and _kind(text[end]) == kind:
            end += 1
        if kind:
            yield text[place:end]
        kind_before, place = kind, end


def _kind(character: str) -> str:
    if character.isspace() or character == _DROPPED:
        return ""
    return {"L": "letter", "N": "number"}.get(unicodedata.category(character)[0], "sign")


def _byte_characters() -> list[str]:
    """Return the character that represents each byte: a printable one itself, others above 255."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    moved = iter(range(256, 512))
    return [chr(byte if byte in printable else next(moved)) for byte in range(256)]


_CHARACTER_OF_BYTE = _byte_characters()
