"""CLIP's byte-pair tokenizer as a `tokenizers` object, whose JSON also works on devices.

The merges come from the installed open_clip.
"""

import functools
import gzip
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor

from ..runtime.errors import StzsarError
from ..runtime.text.clean_text import clean_text

START, END = "<|startoftext|>", "<|endoftext|>"
CLIP_VOCABULARY = 49_408
CLIP_CONTEXT = 77
_BYTES = 256
# open_clip's pattern drops U+0345, which is not a letter but a case variant of one.
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}\x{345}]+"


@functools.cache
def build_tokenizer(vocab_size: int, context_length: int) -> Tokenizer:
    """Return CLIP's tokenizer, with fewer merges if `vocab_size` is below CLIP's.

    It truncates rows to `context_length`, keeps their end token and pads with zeros.
    """
    merges = _merges()[: vocab_size - 2 * _BYTES - 2]
    alphabet = [chr(code) for code in _byte_characters()]
    tokens = [*alphabet, *(f"{c}</w>" for c in alphabet), *("".join(m) for m in merges), START, END]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>", unk_token=END)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    start, end = vocabulary[START], vocabulary[END]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, start), (END, end)]
    )
    tokenizer.enable_truncation(context_length)
    tokenizer.enable_padding(length=context_length, pad_id=0, pad_token=alphabet[0])
    return tokenizer


def tokenize(tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    """Return the int64 tokens [N, L] of `texts`."""
    cleaned = [clean_text(text) for text in texts]
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(cleaned)])


def is_cut(tokenizer: Tokenizer, text: str) -> bool:
    """Whether the tokens of `text` are more than the tokenizer keeps."""
    return bool(tokenizer.encode(clean_text(text)).overflowing)


@functools.cache
def _merges() -> list[tuple[str, str]]:
    found = importlib.util.find_spec("open_clip")
    if found is None or found.origin is None:
        raise StzsarError("open_clip is not installed. Run pip install open_clip_torch.")
    path = Path(found.origin).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    pairs = (line.split() for line in lines[1 : CLIP_VOCABULARY - 2 * _BYTES - 1])
    return [(first, second) for first, second in pairs]


def _byte_characters() -> list[int]:
    """Return the code points that represent the 256 bytes, in CLIP's order.

    Printable bytes represent themselves and come first. The others move above 255.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [*printable, *range(_BYTES, 2 * _BYTES - len(printable))]
