"""Prompts by name: the sentences that families put around a label.

A published figure belongs to its prompts. Several are an ensemble, which costs nothing at run time:
the bank holds one embedding (see `ModelConfig.prompts`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..runtime.bundle.manifest import MAX_PROMPT, MAX_PROMPTS, check_prompts
from ..runtime.documents import read_file
from ..runtime.errors import StzsarError
from .config import PROMPTS

# What is averaged over an ensemble: the unit embeddings of a label, or the classes' softmaxes
PromptMean = Literal["embeddings", "softmaxes"]

_VERBS = ("using", "doing", "during", "performing", "practicing")
_MEDIA = ("photo", "video", "example", "demonstration")

PROMPT_SETS: dict[str, tuple[str, ...]] = {
    "stzsar": PROMPTS,
    "name": ("{}",),
    "bike": ("This is a video about {}",),
    "text4vis": ("a video of a person {}.",),
    "actionclip": (
        "a photo of action {}",
        "a picture of action {}",
        "Human action of {}",
        "{}, an action",
        "{} this is an action",
        "{}, a video of action",
        "Playing action of {}",
        "{}",
        "Playing a kind of action, {}",
        "Doing a kind of action, {}",
        "Look, the human is {}",
        "Can you recognize the action of {}?",
        "Video classification of {}",
        "A video of {}",
        "The man is {}",
        "The woman is {}",
    ),
    # OpenAI's for Kinetics-700, which MoTE takes too: 4 media, each alone and with a person
    "clip-kinetics": tuple(
        f"a {medium} of {who}{{}}."
        for medium in _MEDIA
        for who in ("", "a person ", *(f"a person {verb} " for verb in _VERBS))
    ),
    # OpenAI's for UCF-101
    "clip-ucf101": tuple(
        f"a {medium} of {article} person {verb}{{}}."
        for verb in ("", *(f"{verb} " for verb in _VERBS))
        for article in ("a", "the")
        for medium in _MEDIA
    ),
}


def read_prompts(given: str | Sequence[str]) -> tuple[str, ...]:
    """Return the prompts that a user names: a set, a file, or one or several sentences with {}.

    Raises:
        StzsarError: it is none of these, or a line of the file is no prompt.
    """
    if not isinstance(given, str):
        return _checked(tuple(given), "These prompts")
    if given in PROMPT_SETS:
        return PROMPT_SETS[given]
    if "{}" in given:
        return _checked((given,), f"The prompt {given!r:.80}")
    path = Path(given)
    try:
        content = read_file(path, MAX_PROMPTS * (MAX_PROMPT + 2) * 4).decode()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise StzsarError(
            f"--prompts {given!r:.80} is no set of prompts ({', '.join(PROMPT_SETS)}), has no {{}} "
            f"for a label, and cannot be read as a file ({reason}): name one of these."
        ) from error
    lines = tuple(line.strip() for line in content.splitlines() if line.strip())
    return _checked(lines, f"The file {path}")


def _checked(prompts: tuple[str, ...], what: str) -> tuple[str, ...]:
    try:
        check_prompts(prompts)
    except ValueError as error:
        raise StzsarError(
            f"{what} cannot be used ({error}): write sentences with one {{}} each, in a file one a "
            "line."
        ) from error
    return prompts
