"""The rules that attributes obey, deterministic and without a model: for making and for checking.

1. 1 to 3 plain words, in small letters, of at most 8 tokens, that name something.
2. Not the label's own words alone.
3. No two of a label alike, also by the stems of their words.
4. No attribute, by its stems, with more than 5 % of the labels (`allowed_sharing`).
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

_OF_NO_WEIGHT = frozenset(
    [
        *("a", "an", "and", "as", "at", "by", "for", "from", "her", "his", "in", "into", "its"),
        *("my", "of", "off", "on", "onto", "or", "our", "out", "over", "the", "their", "to"),
        *("up", "with", "your"),
    ]
)
_PLACEHOLDER = re.compile(
    r"(?:key ?words?|attributes?) ?\d*|(?:words?|items?|strings?|labels?) ?\d+"
)
# Kinds of what the prompt asks for: what small models answer instead of naming some.
_TELLS_NOTHING = frozenset(
    [
        *("action", "actions", "activity", "body", "body part", "body parts", "camera", "movement"),
        *("movements", "object", "objects", "part of the body", "parts of the body", "people"),
        *("person", "place", "places", "scene", "somebody", "someone", "step", "steps", "tool"),
        *("tools", "video"),
    ]
)
_EDGES = re.compile(r"^(?:\d{1,2}[.):]|[^\w'’])*\s*|[^\w'’)+]+$")


class Stemmer:
    """Reduces words to the stems by which they are compared; for one thread at a time."""

    def __init__(self, language: str = "en") -> None:
        """Choose the language.

        Raises:
            StzsarError: there are no stems for it, or snowballstemmer is not installed.
        """
        if language not in LANGUAGES:
            raise StzsarError(
                f"--language {language!r:.20} is not known here: take one of "
                f"{', '.join(LANGUAGES)}."
            )
        try:
            import snowballstemmer
        except ImportError as error:
            raise StzsarError(
                "Comparing words needs the package snowballstemmer: run pip install "
                "'.[cpu,attributes]' in stzsar's folder."
            ) from error
        try:
            self._stemmer = snowballstemmer.stemmer(LANGUAGES[language])
        except KeyError as error:
            raise StzsarError(
                f"The installed snowballstemmer knows no {LANGUAGES[language]}: run pip install "
                "-U snowballstemmer."
            ) from error

    def of(self, words: str) -> Stems:
        """Return the stems of all words of weight; of all words if none has any."""
        split = re.findall(r"\w+", words.casefold())
        weighty = [word for word in split if word not in _OF_NO_WEIGHT] or split
        return frozenset(self._stemmer.stemWords(weighty))


def tidy(words: str) -> str:
    """Return `words` composed, in small letters, without bullets, quotes and double spaces."""
    visible = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", words))
    visible = visible.replace("_", " ").strip("'\"’‘“” ")
    return " ".join(_EDGES.sub("", visible).split()).strip("'\"’‘“” ").lower()


def complaint(words: str, label: str, stemmer: Stemmer, count_tokens: CountTokens) -> str | None:
    """Return what is wrong with a tidy attribute by itself, or None."""
    count = len(words.split())
    if not any(c.isalpha() for c in words):
        return "holds no word"
    if count > MAX_WORDS or len(words) > MAX_CHARACTERS:
        return f"is longer than {MAX_WORDS} words"
    if not all(c.isalnum() or c in " '’&.+-" or _is_mark(c) for c in words):
        return "is not made of plain words"
    if _PLACEHOLDER.fullmatch(words):
        return "stands for a word and is none"
    if re.sub(r"^(?:the|an?) ", "", words) in _TELLS_NOTHING:
        return "tells nothing"
    if stemmer.of(words) <= stemmer.of(label):
        return "only repeats the label"
    if (tokens := count_tokens(words)) > MAX_TOKENS:
        return f"has {tokens} tokens, and {MAX_TOKENS} are read"
    return None


def _is_mark(character: str) -> bool:
    """Say whether it is an accent or a vowel sign, as Hindi and Tamil write them."""
    return unicodedata.category(character)[0] == "M"


def foreign_alphabet(words: str, known: str) -> bool:
    """Say whether `words` have letters of an alphabet that `known` has none of."""
    return not _alphabets(words) <= _alphabets(known)


def _alphabets(text: str) -> set[str]:
    return {unicodedata.name(c, "?").split()[0] for c in set(text) if c.isalpha()}


def allowed_sharing(labels: int) -> int:
    """Return how many of `labels` labels may have the same attribute.

    5 %, but two at least from three labels on: among a few labels 5 % is less than one, and two
    near ones ("golf driving", "golf putting") have things in common that tell them from the rest.
    What all labels have tells nothing.
    """
    return max(math.floor(SHARE * labels), 2 if labels > 2 else 1)


def shared_too_often(of_labels: Iterable[Iterable[Stems]], labels: int | None = None) -> set[Stems]:
    """Return the stems that more labels have than may; each label's are given once.

    `labels` is how many labels there are, if not all of them have stems.
    """
    of_labels = [set(stems) for stems in of_labels]
    counts = Counter(stems for own in of_labels for stems in own)
    most = allowed_sharing(len(of_labels) if labels is None else labels)
    return {stems for stems, count in counts.items() if count > most}


def estimated_tokens(words: str) -> int:
    """Return about how many tokens CLIP's tokenizer makes, rather more than fewer."""
    pieces = (
        math.ceil(sum(c.isascii() for c in word) / 5) + sum(not c.isascii() for c in word)
        for word in words.split()
    )
    return sum(pieces)
