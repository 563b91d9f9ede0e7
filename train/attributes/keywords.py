"""Keywords without a language model: YAKE, which needs only the text."""

import importlib.metadata

from .rules import MAX_WORDS

TAKEN = 40


def yake_keywords(text: str, language: str) -> list[str]:
    """Return up to 40 keywords of 1 to 3 words, the best first.

    Of "wooden lane" and "polished wooden lane" only the better one is taken.
    """
    import yake

    extractor = yake.KeywordExtractor(lan=language, n=MAX_WORDS, top=TAKEN)
    taken: list[str] = []
    sets: list[set[str]] = []
    for words, _ in extractor.extract_keywords(text):
        own = set(words.casefold().split())
        if not any(own <= other or other <= own for other in sets):
            taken.append(words)
            sets.append(own)
    return taken


def yake_name() -> str:
    """Return what a bank names in place of a language model."""
    return f"none (YAKE {importlib.metadata.version('yake')})"
