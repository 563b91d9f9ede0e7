"""Cleans text before it is tokenized, as CLIP does: the same in training and on the device."""

import html

from ..errors import EngineError


def clean_text(text: str) -> str:
    """Repair characters, unescape entities and lower-case, as open_clip's tokenizers do.

    ftfy repairs wrong decodings, curly quotes and full-width letters. Entities are unescaped twice,
    since captions of the web are often escaped twice. Python lower-cases, because the package
    tokenizers does not know the final sigma.

    Raises:
        EngineError: ftfy is not installed.
    """
    if text.isascii() and "&" not in text and text.isprintable():
        return text.lower()  # nothing to repair in most labels, which saves loading ftfy
    try:
        import ftfy
    except ImportError as error:
        raise EngineError(
            f"Labels with characters such as in {text!r:.40} need the package ftfy: "
            "pip install ftfy."
        ) from error
    return html.unescape(html.unescape(ftfy.fix_text(text))).lower()
