"""The rules that attributes obey: deterministic, the same for making and for checking.

1. 1 to 3 plain words in small letters, at most 8 tokens, that name something.
2. Not just the label's own words.
3. No two of one label with the same word stems.
4. Shared, by its stems, by at most 5 % of the labels (`allowed_sharing`).
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

from ...runtime.errors import StzsarError

WANTED = 8  # N_a
MAX_WORDS, MAX_CHARACTERS, MAX_TOKENS = 3, 60, 8
SHARE = 0.05
LANGUAGES = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german",
    "el": "greek", "en": "english", "es": "spanish", "et": "estonian", "eu": "basque",
    "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali",
    "nl": "dutch", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip

Stems = frozenset[str]
CountTokens = Callable[[str], int]

_STOP_WORDS = frozenset(
    [
        *("a", "an", "and", "as", "at", "by", "for", "from", "her", "his", "in", "into", "its"),
        *("my", "of", "off", "on", "onto", "or", "our", "out", "over", "the", "their", "to"),
        *("up", "with", "your"),
    ]
)
_PLACEHOLDER = re.compile(
    r"(?:key ?words?|attributes?) ?\d*|(?:words?|items?|strings?|labels?) ?\d+"
)
# Kinds of things: small models answer with these instead of naming some.
_EMPTY_WORDS = frozenset(
    [
        *("action", "actions", "activity", "body", "body part", "body parts", "camera", "movement"),
        *("movements", "object", "objects", "part of the body", "parts of the body", "people"),
        *("person", "place", "places", "scene", "somebody", "someone", "step", "steps", "tool"),
        *("tools", "video"),
    ]
)
_EDGES = re.compile(r"^(?:\d{1,2}[.):]|[^\w'’])*\s*|[^\w'’)+]+$")


class Stemmer:
    """Reduces words to stems for comparison; for one thread at a time."""

    def __init__(self, language: str = "en") -> None:
        """Choose the language; raise StzsarError if there are no stems for it."""
        import snowballstemmer

        if language not in LANGUAGES:
            raise StzsarError(
                f"--language {language!r:.20} is not supported: take one of {', '.join(LANGUAGES)}."
            )
        try:
            self._stemmer = snowballstemmer.stemmer(LANGUAGES[language])
        except KeyError as error:
            raise StzsarError(
                f"The installed snowballstemmer knows no {LANGUAGES[language]}: run pip install "
                "-U snowballstemmer."
            ) from error

    def of(self, words: str) -> Stems:
        """Return the stems of all words but stop words, or of these where there are no others."""
        split = re.findall(r"\w+", words.casefold())
        content = [word for word in split if word not in _STOP_WORDS] or split
        return frozenset(self._stemmer.stemWords(content))


def tidy(words: str) -> str:
    """Return `words` composed, in small letters, without bullets, quotes and double spaces."""
    visible = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", words))
    visible = visible.replace("_", " ").strip("'\"’‘“” ")
    return " ".join(_EDGES.sub("", visible).split()).strip("'\"’‘“” ").lower()


def complaint(words: str, label: str, stemmer: Stemmer, count_tokens: CountTokens) -> str | None:
    """Return what is wrong with one tidy attribute, or None."""
    count = len(words.split())
    if not any(c.isalpha() for c in words):
        return "holds no word"
    if count > MAX_WORDS or len(words) > MAX_CHARACTERS:
        return f"is longer than {MAX_WORDS} words"
    if not all(c.isalnum() or c in " '’&.+-" or _is_mark(c) for c in words):
        return "is not made of plain words"
    if _PLACEHOLDER.fullmatch(words):
        return "is a placeholder"
    if re.sub(r"^(?:the|an?) ", "", words) in _EMPTY_WORDS:
        return "says nothing specific"
    if stemmer.of(words) <= stemmer.of(label):
        return "only repeats the label"
    if (tokens := count_tokens(words)) > MAX_TOKENS:
        return f"has {tokens} tokens, at most {MAX_TOKENS} are allowed"
    return None


def _is_mark(character: str) -> bool:
    """Say whether it is an accent or a vowel sign, as in Hindi and Tamil."""
    return unicodedata.category(character)[0] == "M"


def foreign_alphabet(words: str, known: str) -> bool:
    """Say whether `words` use an alphabet that `known` does not."""
    return not _alphabets(words) <= _alphabets(known)


def _alphabets(text: str) -> set[str]:
    return {unicodedata.name(c, "?").split()[0] for c in set(text) if c.isalpha()}


def allowed_sharing(labels: int) -> int:
    """Return how many of `labels` labels may share an attribute.

    5 %, but at least two from three labels on: among a few labels 5 % is less than one, and two
    similar ones ("golf driving", "golf putting") share things that tell them from the rest.
    """
    return max(math.floor(SHARE * labels), 2 if labels > 2 else 1)


def shared_too_often(of_labels: Iterable[Iterable[Stems]], labels: int | None = None) -> set[Stems]:
    """Return the stems that too many of `labels` share; None if each of them has stems."""
    of_labels = [set(stems) for stems in of_labels]
    counts = Counter(stems for own in of_labels for stems in own)
    most = allowed_sharing(len(of_labels) if labels is None else labels)
    return {stems for stems, count in counts.items() if count > most}


def estimated_tokens(words: str) -> int:
    """Return about how many tokens CLIP's tokenizer makes, rather too many than too few."""
    pieces = (
        math.ceil(sum(c.isascii() for c in word) / 5) + sum(not c.isascii() for c in word)
        for word in words.split()
    )
    return sum(pieces)
