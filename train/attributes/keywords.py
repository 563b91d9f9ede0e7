"""Keywords without a language model: YAKE, which looks at nothing but the text."""

import importlib.metadata

from ...runtime.errors import StzsarError
from .rules import MAX_WORDS

TAKEN = 40


def yake_keywords(text: str, language: str) -> list[str]:
    """Return up to 40 keywords of 1 to 3 words, the best first.

    Of "wooden lane" and "polished wooden lane" only the better one is taken.

    Raises:
        StzsarError: yake is not installed.
    """
    try:
        import yake
    except ImportError as error:
        raise StzsarError(
            "--llm none needs the package yake: run pip install '.[cpu,attributes]' in stzsar's "
            "folder."
        ) from error
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
    """Return what stands for the model's name beside attributes that no language model made."""
    return f"none (YAKE {importlib.metadata.version('yake')})"
