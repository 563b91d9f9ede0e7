"""Where text about a label is looked for: wikis, patterns of addresses, folders."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from ...runtime.errors import StzsarError
from ...runtime.labels.names import name_key
from .addresses import AddressError, WebAddress
from .fetch import Fetcher, FetchError
from .page_text import file_text, main_text

_SUFFIXES = (".txt", ".md", ".html", ".htm")
_MAX_FILES = 100_000
_PLACE = re.compile(r"\{(label[_-]?)\}")
_GLOSS_CHARACTERS = 160


@dataclass(frozen=True)
class Sense:
    """One thing that a label can mean, and where it is written about.

    Attributes:
        place: URL or file.
        title: what it is called there.
        gloss: a line that says what it is; perhaps empty.
        text: gives what is written; may fetch, and raise FetchError.
    """

    place: str
    title: str
    gloss: str
    text: Callable[[], str]


class TextSource(Protocol):
    """Somewhere that text about labels is found.

    Attributes:
        by_name: whether a label is looked for by its name, and not by its text: files are called
            "swing (bat)", pages "swing".
    """

    by_name: bool

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    def senses(self, label: str) -> list[Sense]:
        """Return what `label` can mean there; FetchError if nothing is found."""
        ...

    def plan(self, label: str) -> str:
        """Return the address or file that is looked at first."""
        ...


class Pattern:
    """Pages whose addresses are made from the label."""

    by_name = False

    def __init__(self, pattern: str, fetcher: Fetcher) -> None:
        """Check the pattern.

        Raises:
            StzsarError: it names no place for the label, or is no address.
        """
        check_pattern(pattern)
        self.name = pattern
        self._fetcher = fetcher

    def plan(self, label: str) -> str:
        """Return the page's address."""
        between = {"label": " ", "label_": "_", "label-": "-"}
        return _PLACE.sub(
            lambda found: quote(label.replace(" ", between[found[1]]), safe=""), self.name
        )

    def senses(self, label: str) -> list[Sense]:
        """Return the page as the one sense."""
        page = self._fetcher.get(self.plan(label))
        text = main_text(page)
        return [Sense(page.url, label, gloss_of(text), lambda: text)]


class Folder:
    """Text files that are called like labels, or lie in folders that are.

    Spelling does not matter, see `name_key`. Several files in a label's folder are several senses.
    """

    by_name = True

    def __init__(self, folder: Path) -> None:
        """List the files.

        Raises:
            StzsarError: it holds none.
        """
        self.name = str(folder)
        self._files: dict[str, list[Path]] = {}
        paths = list(islice(folder.rglob("*"), _MAX_FILES + 1))
        if len(paths) > _MAX_FILES:
            raise StzsarError(f"{folder} holds more than {_MAX_FILES} files: name another.")
        for path in sorted(paths):
            if path.suffix.lower() in _SUFFIXES and path.is_file():
                of = path.stem if path.parent == folder else path.relative_to(folder).parts[0]
                self._files.setdefault(name_key(of), []).append(path)
        if not self._files:
            raise StzsarError(
                f"{folder} holds no text: put files called LABEL.txt into it, or name another "
                "--source."
            )

    def plan(self, label: str) -> str:
        """Return the files, or which one is missing."""
        found = self._files.get(name_key(label))
        return ", ".join(map(str, found)) if found else f"{self.name}/{label}.txt, which is missing"

    def senses(self, label: str) -> list[Sense]:
        """Return a sense for each file that can be read; FetchError if there is none."""
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


def check_pattern(pattern: str) -> WebAddress:
    """Return the address that a pattern is on.

    Raises:
        StzsarError: it is no http address, or {label} is missing or in the host's name.
    """
    try:
        address = WebAddress.parse(_PLACE.sub("label", pattern))
    except AddressError as error:
        raise StzsarError(
            f"--source {_shown(pattern)} cannot be asked, {error}: give http:// or https://, a "
            "host and a path with {label}."
        ) from error
    parts = urlsplit(pattern)
    if not _PLACE.search(parts.path + "?" + parts.query) or "{" in parts.netloc:
        raise StzsarError(
            f"--source {_shown(pattern)} does not say where the label belongs: write {{label}}, "
            "{label_} or {label-} into the path or query; the last two join words with _ or -."
        )
    return address


def gloss_of(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: 4 * _GLOSS_CHARACTERS].split())
    return line if len(line) <= _GLOSS_CHARACTERS else f"{line[: _GLOSS_CHARACTERS - 1]}…"


def _shown(pattern: str) -> str:
    from ...runtime.sources.secrets import without_secrets

    return f"{without_secrets(pattern)!r:.80}"
