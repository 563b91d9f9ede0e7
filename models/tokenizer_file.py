"""A tokenizer that comes as a `tokenizer.json`: SigLIP2's, of Gemma's 256,000 pieces.

CLIP's own comes with open_clip (`tokenizer.py`); this one only from the Hugging Face hub.
"""

import functools
from pathlib import Path

from tokenizers import Regex, Tokenizer, normalizers, processors

from ..runtime.errors import BundleError
from .config import TextConfig
from .quiet import quiet
from .tokenizer import build_tokenizer

FILE = "tokenizer.json"
_PAD, _END = "<pad>", "<eos>"


def find_tokenizer(given: str | None, hub_name: str, backbone: str) -> str:
    """Return the JSON of the tokenizer of `backbone`, from a file or the hub.

    Args:
        given: a `tokenizer.json`; None downloads it, once.
        hub_name: where open_clip says that it is.
        backbone: for messages.

    Raises:
        BundleError: it cannot be had, or is not SigLIP2's.
    """
    if given is not None:
        return _read(Path(given))
    from huggingface_hub import hf_hub_download

    try:
        with quiet():
            path = hf_hub_download(hub_name, FILE)
    except Exception as error:  # downloads fail in many ways
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120].rstrip(".")
        raise BundleError(
            f"The tokenizer of {backbone} could not be downloaded ({reason}). With internet it is "
            f"fetched once; without, copy {FILE} of https://huggingface.co/{hub_name} here and "
            f"give it: --tokenizer {FILE}."
        ) from error
    return _read(Path(path))


def _read(path: Path) -> str:
    """Return the file with all in it that open_clip does to SigLIP2's strings before and after."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"Cannot read the tokenizer {path}: {error}.") from error
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises bare Exception
        raise BundleError(f"{path} is not a tokenizer.json: {error}.") from error
    end = tokenizer.token_to_id(_END)
    if tokenizer.token_to_id(_PAD) != 0 or end is None:
        raise BundleError(
            f"{path} is not SigLIP2's tokenizer, which has {_PAD} as its token 0 and {_END}: take "
            f"{FILE} of the backbone's own repository."
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
    # As open_clip's SigLipTokenizer: no token at the beginning, one at the end.
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {_END}", special_tokens=[(_END, end)]
    )
    return tokenizer.to_str()


def tokenizer_of(config: TextConfig, tokenizer_json: str | None) -> Tokenizer:
    """Return the tokenizer of a text encoder: rows of `context_length`, padded with zeros.

    Args:
        config: of the text encoder.
        tokenizer_json: what `find_tokenizer` gave, if `config.tokenizer` is "file".

    Raises:
        BundleError: there is none, or it has more tokens than the text encoder.
    """
    if config.tokenizer == "clip":
        return build_tokenizer(config.vocab_size, config.context_length)
    if tokenizer_json is None:
        raise BundleError(
            f"The text encoder of this network needs its {FILE}, which is missing: give it with "
            "--tokenizer where the backbone is named."
        )
    return _of_file(tokenizer_json, config.vocab_size, config.context_length)


@functools.lru_cache(maxsize=2)
def _of_file(tokenizer_json: str, vocab_size: int, context_length: int) -> Tokenizer:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    found = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    if found > vocab_size:
        raise BundleError(
            f"The tokenizer has {found} tokens and the text encoder {vocab_size}: take "
            f"{FILE} of the backbone's own repository."
        )
    tokenizer.enable_truncation(context_length)
    tokenizer.enable_padding(length=context_length, pad_id=0, pad_token=_PAD)
    return tokenizer
