"""Opens the text sources that the options name."""

from collections.abc import Sequence
from pathlib import Path

from ...runtime.errors import StzsarError
from .addresses import AddressError, parse_url
from .fetch import Fetcher
from .options import WIKIS
from .sources import Folder, Pattern, TextSource
from .wikis import Wikipedia, Wiktionary


def open_sources(names: Sequence[str], fetcher: Fetcher, *, language: str) -> list[TextSource]:
    """Return the wikis, addresses with {label} and folders that the command line names."""
    found: list[TextSource] = []
    for name in dict.fromkeys(names):
        kind, _, host = name.partition("=")
        if kind in WIKIS:
            host = _wiki_host(kind, host or f"https://{language}.{kind}.org")
            fetcher.allow(host)
            found.append(
                Wikipedia(host, fetcher)
                if kind == "wikipedia"
                else Wiktionary(host, fetcher, language)
            )
        elif "://" in name:
            found.append(Pattern(name, fetcher))
        elif Path(name).is_dir():
            found.append(Folder(Path(name)))
        else:
            raise StzsarError(
                f"--source {name!r:.80} is neither wikipedia, nor wiktionary, nor a folder, nor an "
                "address such as https://host/{label}: name one of these."
            )
    return found


def _wiki_host(kind: str, host: str) -> str:
    try:
        return str(parse_url(host)).rstrip("/")
    except AddressError as error:
        raise StzsarError(
            f"--source {kind}=… cannot be asked, {error}: give it as {kind}=https://host."
        ) from error
