"""Tokenizers from a `tokenizer.json`: SigLIP2's, with Gemma's 256,000 tokens.

It comes from the Hugging Face hub only; CLIP's comes with open_clip (`tokenizer.py`).
"""

import functools
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers, processors

from ..runtime.documents import MIB, read_file
from ..runtime.errors import BundleError
from .config import TextConfig
from .quiet import quiet
from .tokenizer import build_tokenizer

FILE = "tokenizer.json"
MAX_BYTES = 64 * MIB  # SigLIP2's has 34
_PAD, _END = "<pad>", "<eos>"


def find_tokenizer(file: str | None, hub_name: str, backbone: str) -> str:
    """Return the JSON of the backbone's tokenizer: a `tokenizer.json`, or None to download it once.

    Raises:
        BundleError: the tokenizer cannot be read or downloaded, or is not SigLIP2's.
    """
    if file is not None:
        return _read(Path(file))
    from huggingface_hub import hf_hub_download

    try:
        with quiet():
            path = hf_hub_download(hub_name, FILE)
    except Exception as error:  # downloads raise many types
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120].rstrip(".")
        raise BundleError(
            f"Cannot download the tokenizer of {backbone} ({reason}). With internet, it is "
            f"downloaded once. Without, copy {FILE} from https://huggingface.co/{hub_name} to this "
            f"machine and name it: --tokenizer {FILE}."
        ) from error
    return _read(Path(path))


def _read(path: Path) -> str:
    """Read the file and add open_clip's own pre- and postprocessing of SigLIP2's strings."""
    try:
        text = read_file(path, MAX_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"Cannot read the tokenizer {path}: {error}.") from error
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises bare Exception
        raise BundleError(f"{path} is not a tokenizer.json: {error}.") from error
    end = tokenizer.token_to_id(_END)
    if tokenizer.token_to_id(_PAD) != 0 or end is None:
        raise BundleError(
            f"{path} is not SigLIP2's tokenizer, whose token 0 is {_PAD} and which has {_END}. Use "
            f"{FILE} from the backbone's repository."
        )
    # open_clip's clean="canonicalize": lower case, no punctuation, single spaces.
    before = [
        normalizers.Replace("_", " "),
        normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
        normalizers.Lowercase(),
        normalizers.Replace(Regex(r"\s+"), " "),
        normalizers.Strip(),
    ]
    own = [tokenizer.normalizer] if tokenizer.normalizer is not None else []
    tokenizer.normalizer = normalizers.Sequence([*before, *own])
    # open_clip's SigLipTokenizer adds no start token, but an end token.
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {_END}", special_tokens=[(_END, end)]
    )
    return tokenizer.to_str()


def tokenizer_of(config: TextConfig, tokenizer_json: str | None) -> Tokenizer:
    """Return a text encoder's tokenizer, which pads rows to `context_length` with zeros.

    `tokenizer_json` is the result of `find_tokenizer`, if `config.tokenizer` is "file".

    Raises:
        BundleError: the tokenizer is missing, or has more tokens than the text encoder.
    """
    if config.tokenizer == "clip":
        return build_tokenizer(config.vocab_size, config.context_length)
    if tokenizer_json is None:
        raise BundleError(
            f"The text encoder needs its {FILE}, which is missing. Name it with --tokenizer, "
            "together with --backbone."
        )
    return _parse(tokenizer_json, config.vocab_size, config.context_length)


@functools.lru_cache(maxsize=2)
def _parse(tokenizer_json: str, vocab_size: int, context_length: int) -> Tokenizer:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    if size > vocab_size:
        raise BundleError(
            f"The tokenizer has {size} tokens and the text encoder {vocab_size}. Use {FILE} from "
            "the backbone's repository."
        )
    tokenizer.enable_truncation(context_length)
    tokenizer.enable_padding(length=context_length, pad_id=0, pad_token=_PAD)
    return tokenizer
