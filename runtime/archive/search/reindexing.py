"""Builds the indexes of an archive, and measures what they find."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import StzsarError
from .nearest import ROWS_WORTH_AN_INDEX, build_index, recall


@dataclass(frozen=True, kw_only=True)
class Reindexed:
    """What was indexed.

    Attributes:
        rows: how many frames.
        recall: the share of the 20 nearest frames that the index finds, see `recall`.
    """

    rows: int
    recall: float


def reindexed(tables: Any, archive: str | Path, *, least: int = ROWS_WORTH_AN_INDEX) -> Reindexed:
    """Build the indexes anew.

    Args:
        tables: gives a table of the archive by its name.
        archive: what messages call it.
        least: the fewest frames that are worth an index.

    Raises:
        StzsarError: it has fewer.
    """
    frames = tables("frames")
    rows = frames.count_rows()
    if rows < least:
        raise StzsarError(
            f"The archive {archive} has {rows} frames, and below {least} a scan is as fast as an "
            "index: leave it without one."
        )
    build_index(frames)
    return Reindexed(rows=rows, recall=recall(frames) or 0.0)
