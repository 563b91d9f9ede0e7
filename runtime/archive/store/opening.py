"""What all who open an archive hold to: how it is reached, its format, which stretches count."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from ...errors import StzsarError
from .schema import FORMAT

_INSTALL = "run pip install '.[archive]' in stzsar's folder"


def connect(place: str, storage: Mapping[str, str] | None, *, fresh: bool = False) -> Any:
    """Return lancedb's connection to an archive.

    Args:
        place: its folder, or its address in an object store.
        storage: of an object store, as lancedb takes it; its environment variables count too.
        fresh: look each time for what other processes wrote.

    Raises:
        StzsarError: lancedb is missing.
    """
    try:
        import lancedb
    except ImportError as error:
        raise StzsarError(f"An archive needs the package lancedb: {_INSTALL}.") from error
    return lancedb.connect(
        place,
        storage_options=dict(storage) if storage else None,
        read_consistency_interval=timedelta(0) if fresh else None,
    )


def check_format(place: str, bundles: Iterable[Mapping[str, Any]]) -> None:
    """Refuse an archive that a newer stzsar wrote.

    Args:
        place: its folder or address.
        bundles: rows of the table of bundles.

    Raises:
        StzsarError: a newer one did.
    """
    newest = max((row["format"] for row in bundles), default=FORMAT)
    if newest > FORMAT:
        raise StzsarError(
            f"The archive {place} has format {newest} and this stzsar knows {FORMAT}: "
            "upgrade stzsar."
        )


def counting(stretches: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of stretches that count, one of each stretch and bundle.

    Two writers may have put the same stretch at the same moment. Until one of them removes the
    other, everybody takes the attempt whose name is the smallest.
    """
    chosen: dict[tuple[str, str], dict[str, Any]] = {}
    for row in stretches:
        kept = chosen.setdefault((row["stretch"], row["bundle"]), row)
        if row["attempt"] < kept["attempt"]:
            chosen[row["stretch"], row["bundle"]] = row
    return list(chosen.values())


def quoted(text: str) -> str:
    """Return a text as a condition has it."""
    return "'" + text.replace("'", "''") + "'"
