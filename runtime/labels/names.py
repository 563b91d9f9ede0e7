"""Names of labels and classes: which are the same, which are near, and how they read as words."""

import difflib
import functools
import html
import re
import unicodedata
from collections.abc import Iterable, Sequence

from ..errors import LabelError

_ENTITY = re.compile(r"&(?:#\d+|#[xX][\da-fA-F]+|[A-Za-z]\w*);")
# Unicode's categories of dashes, connectors such as `_`, brackets and quotes, spaces.
_SEPARATORS = ("Pd", "Pc", "Ps", "Pe", "Pi", "Pf", "Zs", "Zl", "Zp")
# Quotes that Unicode files under other punctuation; then spaces, hyphens and marks of direction
# that nobody sees.
_MORE_SEPARATORS = "'\"＇＂\u00ad\u200b\u200e\u200f\u2060\ufeff"


def name_key(name: str) -> str:
    """Return what all spellings of a name share: names with equal keys are the same name.

    Case, CamelCase, spaces, dashes, `_`, brackets and quotes make no difference, nor do HTML
    entities and Unicode's composed and decomposed forms: `YoYo`, "yo-yo" and "(yo_yo)" are one.
    Letters, marks, digits and symbols of every script do: "C" is not "C++". So does a separator
    between two digits: "1 12" is not "11 2". A name of separators alone is its own key.
    """
    # Unicode's rule for comparing without case; composed again, since that is how names are kept.
    folded = unicodedata.normalize("NFD", _without_entities(name)).casefold()
    folded = unicodedata.normalize("NFC", folded)
    kept: list[str] = []
    is_apart = False
    for character in folded:
        if _is_separator(character):
            is_apart = True
            continue
        if is_apart and character.isdecimal() and kept and kept[-1].isdecimal():
            kept.append(" ")
        kept.append(character)
        is_apart = False
    return "".join(kept) or folded.strip()


def check_distinct(names: Iterable[str], where: object) -> None:
    """Raise LabelError if two of `names` are the same name, in one spelling or in two."""
    spelling: dict[str, str] = {}
    for name in names:
        key = name_key(name)
        if key in spelling:
            other = spelling[key]
            twins = (
                f"{name!r:.80} twice"
                if name == other
                else f"{other!r:.80} and {name!r:.80}, which are the same name"
            )
            raise LabelError(f"{where} names {twins}: keep one of them.")
        spelling[key] = name


def spaced_words(name: str) -> str:
    """Return a class's name as lower-case words: `HulaHoop`, `hula_hoop` → "hula hoop"."""
    plain = unicodedata.normalize("NFC", _without_entities(name))
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", plain)
    return re.sub(r"[\s_-]+", " ", apart).strip().lower() or plain.strip()


def nearest_names(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """Return up to `count` of `names`, those that are spelled most like `name`."""
    spelling = {known.casefold(): known for known in names}
    nearest = difflib.get_close_matches(name.casefold(), spelling, n=count, cutoff=0.0)
    return [spelling[match] for match in nearest]


def nearest_hint(name: str, names: Iterable[str], count: int = 1) -> str:
    """Return the nearest names in brackets, to end a message with; "" if there are none."""
    nearest = ", ".join(f"{known!r:.80}" for known in nearest_names(name, names, count))
    return f" (nearest: {nearest})" if nearest else ""


def first_names(names: Sequence[str], most: int = 3) -> str:
    """Return the first few of some names as words for a message."""
    if len(names) == 1:
        return f"the first is {names[0]}"
    *some, last = names[:most]
    return f"the first are {', '.join(some)} and {last}"


def _without_entities(name: str) -> str:
    """Undo HTML's escapes, of which the web's captions often have two layers."""
    for _ in range(2):
        name = _ENTITY.sub(lambda entity: html.unescape(entity[0]), name)
    return name


@functools.lru_cache(maxsize=4096)
def _is_separator(character: str) -> bool:
    return (
        character.isspace()
        or character in _MORE_SEPARATORS
        or unicodedata.category(character) in _SEPARATORS
    )
