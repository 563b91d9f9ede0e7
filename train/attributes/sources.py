"""Sources of text about a label: patterns of addresses and folders; `wikis` has more."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from ...runtime.chat.addresses import AddressError, parse_url
from ...runtime.errors import StzsarError
from ...runtime.hidden_files import is_hidden
from ...runtime.labels.names import name_key
from ...runtime.sources.secrets import without_secrets
from .fetch import Fetcher, FetchError
from .page_text import file_text, main_text

_SUFFIXES = (".txt", ".md", ".html", ".htm")
_MAX_FILES = 100_000
_PLACE = re.compile(r"\{(label[_-]?)\}")
_GLOSS_CHARACTERS = 160


@dataclass(frozen=True)
class Sense:
    place: str  # URL or file of the text
    title: str  # its title there
    gloss: str  # one line of explanation, or empty
    text: Callable[[], str]  # returns the text; may fetch, and raise FetchError


class TextSource(Protocol):
    """A place to look for text about labels."""

    name: str  # what messages call it
    # Look for the label's name rather than its text: files are called "swing (bat)", pages "swing"
    by_name: bool

    def senses(self, label: str) -> list[Sense]:
        """Return the meanings of `label` there; raise FetchError if there are none."""
        ...

    def plan(self, label: str) -> str:
        """Return the address or file to look at first."""
        ...


class Pattern:
    """Pages whose addresses contain the label."""

    by_name = False

    def __init__(self, pattern: str, fetcher: Fetcher) -> None:
        """Check the pattern.

        Raises:
            StzsarError: it has no place for the label, or is not an address.
        """
        _check_pattern(pattern)
        fetcher.allow(_PLACE.sub("label", pattern))
        self.name = pattern
        self._fetcher = fetcher

    def plan(self, label: str) -> str:
        between = {"label": " ", "label_": "_", "label-": "-"}
        return _PLACE.sub(
            lambda found: quote(label.replace(" ", between[found[1]]), safe=""), self.name
        )

    def senses(self, label: str) -> list[Sense]:
        page = self._fetcher.get(self.plan(label))
        text = main_text(page)
        return [Sense(page.url, label, gloss_of(text), lambda: text)]


class Folder:
    """Text files named like labels, or in folders named so, whatever the spelling (`name_key`).

    Several files in a label's folder are several senses.
    """

    by_name = True

    def __init__(self, folder: Path) -> None:
        """List the files; raise StzsarError if there are none, or too many."""
        self.name = str(folder)
        self._files: dict[str, list[Path]] = {}
        paths = list(islice(folder.rglob("*"), _MAX_FILES + 1))
        if len(paths) > _MAX_FILES:
            raise StzsarError(f"{folder} holds more than {_MAX_FILES} files: name another.")
        for path in sorted(paths):
            if any(map(is_hidden, path.relative_to(folder).parts)):
                continue
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                of = path.stem if path.parent == folder else path.relative_to(folder).parts[0]
                self._files.setdefault(name_key(of), []).append(path)
        if not self._files:
            raise StzsarError(
                f"{folder} holds no text: put files called LABEL.txt into it, or name another "
                "--source."
            )

    def plan(self, label: str) -> str:
        """Return the files, or the one that is missing."""
        found = self._files.get(name_key(label))
        return ", ".join(map(str, found)) if found else f"{self.name}/{label}.txt, which is missing"

    def senses(self, label: str) -> list[Sense]:
        """Return a sense for each readable file; raise FetchError if there is none."""
        files = self._files.get(name_key(label), [])
        if not files:
            raise FetchError(f"there is no {label}.txt")
        senses, why = [], None
        for path in files:
            try:
                senses.append(self._sense(path))
            except FetchError as error:
                why = error
        if why and not senses:
            raise why
        return senses

    def _sense(self, path: Path) -> Sense:
        text = file_text(path)
        return Sense(str(path), path.stem, gloss_of(text), lambda: text)


def _check_pattern(pattern: str) -> None:
    shown = f"{without_secrets(pattern)!r:.80}"
    try:
        parse_url(_PLACE.sub("label", pattern))
    except AddressError as error:
        raise StzsarError(
            f"--source {shown} cannot be asked, {error}: give http:// or https://, a host and a "
            "path with {label}."
        ) from error
    parts = urlsplit(pattern)
    if not _PLACE.search(parts.path + "?" + parts.query) or "{" in parts.netloc:
        raise StzsarError(
            f"--source {shown} does not say where the label belongs: write {{label}}, {{label_}} "
            "or {label-} into the path or query; the last two join words with _ or -."
        )


def gloss_of(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: 4 * _GLOSS_CHARACTERS].split())
    return line if len(line) <= _GLOSS_CHARACTERS else f"{line[: _GLOSS_CHARACTERS - 1]}…"
