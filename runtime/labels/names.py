"""Spellings of names: when two are the same, and which are near."""

import difflib
import re
from collections.abc import Sequence


def spaced_words(name: str) -> str:
    """Return a class's name as lower-case words: `HulaHoop`, `hula_hoop` → "hula hoop"."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.split(r"[\s_\-]+", apart)).strip().lower()


def same_name(name: str) -> str:
    """Return what spellings of one name have in common: neither case, spaces, hyphens nor `_`."""
    return re.sub(r"[\s_‐‑-]+", "", name).casefold()


def nearest_names(name: str, names: Sequence[str], count: int = 3) -> list[str]:
    """Return up to `count` of `names` that are spelt most like `name`, in any case."""
    spelt = {known.casefold(): known for known in names}
    found = difflib.get_close_matches(name.casefold(), spelt, n=count, cutoff=0.0)
    return [spelt[match] for match in found]
