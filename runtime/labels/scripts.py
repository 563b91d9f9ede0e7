"""Warns of labels in a script that a text encoder hardly knows: it spells them out byte by byte."""

import unicodedata
from collections.abc import Callable, Iterable

# Tokens for each letter; words of a language that an encoder has learnt take 0.1 to 0.6.
_MOST = 0.8
# A sign of these says as much as some letters, and an encoder that knows it gives it one token.
_SYLLABLES = ("CJK UNIFIED", "HANGUL")
_LETTERS_OF_A_SYLLABLE = 2.5


def script_warning(texts: Iterable[str], count: Callable[[str], int]) -> str:
    """Return a warning about texts that the encoder hardly knows; "" if there are none.

    Args:
        texts: the labels' texts.
        count: returns the number of tokens of a text, without start and end.
    """
    unknown = [text for text in texts if not text.isascii() and _is_spelt_out(text, count)]
    if not unknown:
        return ""
    are = "1 label is" if len(unknown) == 1 else f"{len(unknown)} labels are"
    first = "" if len(unknown) == 1 else "the first is "
    return (
        f"{are} in a script that the text encoder spells out byte by byte ({first}"
        f"{unknown[0]!r:.80}): expect poor scores, and give each a text in English, in a table "
        "label,text or in JSON."
    )


def _is_spelt_out(text: str, count: Callable[[str], int]) -> bool:
    letters = [letter for letter in text if letter.isalpha()]
    if all(map(str.isascii, letters)):
        return False
    weight = sum(
        _LETTERS_OF_A_SYLLABLE if unicodedata.name(letter, "").startswith(_SYLLABLES) else 1.0
        for letter in letters
    )
    return count(text) >= _MOST * weight
