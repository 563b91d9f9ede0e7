"""What CLIP does to a string before its tokens: the same in training and on the device."""

import html

from ..errors import EngineError


def clean_text(text: str) -> str:
    """Mend broken characters and entities and write small letters, as open_clip's tokenizers do.

    ftfy undoes wrong decodings, curls of quotation marks and double widths; entities are undone
    twice, since captions of the web are often escaped twice. Small letters are Python's: the
    tokenizers package knows no final sigma.

    Raises:
        EngineError: ftfy is not installed.
    """
    if text.isascii() and "&" not in text and text.isprintable():
        return text.lower()  # most labels: nothing to mend, and ftfy need not be loaded
    try:
        import ftfy
    except ImportError as error:
        raise EngineError(
            f"Labels with characters such as in {text!r:.40} need the package ftfy: "
            "pip install ftfy."
        ) from error
    return html.unescape(html.unescape(ftfy.fix_text(text))).lower()
