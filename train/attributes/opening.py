"""Opens the text sources that the options name."""

from collections.abc import Sequence
from pathlib import Path

from ...runtime.errors import StzsarError
from .addresses import AddressError, WebAddress
from .fetch import Fetcher
from .sources import Folder, Pattern, TextSource, check_pattern


def open_sources(names: Sequence[str], fetcher: Fetcher, *, language: str) -> list[TextSource]:
    """Return the sources that were named on the command line.

    Raises:
        StzsarError: one is neither a wiki, nor an address with {label}, nor a folder.
    """
    from .wikis import Wikipedia, Wiktionary

    found: list[TextSource] = []
    for name in dict.fromkeys(names):
        wiki = wiki_of(name, language)
        if wiki:
            kind, host = wiki
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


def wiki_of(name: str, language: str) -> tuple[str, str] | None:
    """Return kind and site of a wiki that was named as `wikipedia` or `wikipedia=https://host`.

    Raises:
        StzsarError: what follows the = is no address.
    """
    kind, _, host = name.partition("=")
    if kind not in ("wikipedia", "wiktionary"):
        return None
    host = host.rstrip("/") or f"https://{language}.{kind}.org"
    try:
        return kind, WebAddress.parse(host).url.rstrip("/")
    except AddressError as error:
        raise StzsarError(
            f"--source {kind}=… cannot be asked, {error}: give it as {kind}=https://host."
        ) from error


def origins(names: Sequence[str], language: str) -> frozenset[str]:
    """Return the sites that the user named, which may be private ones."""
    wikis = [wiki[1] for name in names if (wiki := wiki_of(name, language))]
    patterns = [n for n in names if "://" in n and wiki_of(n, language) is None]
    return frozenset(
        [*(WebAddress.parse(host).origin for host in wikis)]
        + [check_pattern(pattern).origin for pattern in patterns]
    )
