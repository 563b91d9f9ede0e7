"""Extracts the main text of pages and files."""

import codecs
import re
from pathlib import Path

from ...runtime.documents import read_file
from .fetch import FetchError, Page

MAX_FILE_BYTES = 5 << 20
# trafilatura is slow on more, and articles are shorter.
_MAX_HTML_CHARACTERS = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype|html|head|body|p|div|h1)\b", re.IGNORECASE)
# What browsers read these names as (WHATWG's Encoding Standard).
_ALIASES = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "ascii": "windows-1252",
           "us-ascii": "windows-1252", "gb2312": "gb18030", "gbk": "gb18030"}  # fmt: skip


def main_text(page: Page) -> str:
    """Return a page's text without menus, comments and tables; raise FetchError if it has none."""
    kind = page.content_type.partition(";")[0].strip().lower()
    if kind and not re.search("html|^text/|json|xml", kind):
        raise FetchError(f"it is {kind:.40}, not a page")
    text = decoded(page.body, page.content_type)
    if "html" in kind or _HTML.search(text[:5000]):
        text = _from_html(text)
    return _checked(text)


def file_text(path: Path) -> str:
    """Return the text of a text file or a saved page.

    Raises:
        FetchError: it cannot be read, is too large, or holds no text.
    """
    try:
        content = read_file(path, MAX_FILE_BYTES)
    except OSError as error:
        raise FetchError(f"it cannot be read: {error.strerror}") from error
    text = decoded(content, "")
    return _checked(_from_html(text) if path.suffix.lower() in (".html", ".htm") else text)


def decoded(content: bytes, content_type: str) -> str:
    """Return `content` as text, by its byte order mark, as UTF-8, as declared, or by a guess.

    Bytes that are valid UTF-8 are hardly ever anything else, whatever a header says.
    """
    for mark, name in _BOMS:
        if content.startswith(mark):
            return content.decode(name, "replace")
    head = content[:2048].decode("latin-1")
    declared = _CHARSET.search(content_type) or _CHARSET.search(head)
    for name in ("utf-8", *([_ALIASES.get(declared[1].lower(), declared[1])] if declared else [])):
        try:
            return content.decode(name)
        except (UnicodeError, LookupError):
            continue
    return _guessed(content)


def _guessed(content: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(content).best()
    return str(best) if best is not None else content.decode("windows-1252", "replace")


def _from_html(text: str) -> str:
    import trafilatura

    try:
        found = trafilatura.extract(
            text[:_MAX_HTML_CHARACTERS], include_comments=False, include_tables=False
        )
    except Exception as error:  # lxml's errors and its own, on pages that are broken enough
        raise FetchError("its HTML cannot be read") from error
    return found or ""


def _checked(text: str) -> str:
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()
    if sum(c.isalpha() for c in text) < 20:
        raise FetchError("it holds no text")
    return text
