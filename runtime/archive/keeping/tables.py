"""The tables of an archive, as those who keep it need them: scanned in pieces, and rewritten.

lancedb's own `optimize` leaves deleted rows in a file until a tenth of it is gone. Who must forget
cannot wait for that, so this goes to Lance itself (`pylance`), which lancedb stands on.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...errors import StzsarError
from ..store.opening import check_format

if TYPE_CHECKING:
    import pyarrow

Name = Literal["frames", "stretches", "videos", "bundles", "stills"]
NAMES: tuple[Name, ...] = ("frames", "stretches", "videos", "bundles", "stills")
# Rows of `frames` in memory together.
PIECE_ROWS = 2048


@dataclass(frozen=True)
class Tables:
    """The tables of an archive.

    Attributes:
        place: its folder, or its address in an object store.
        storage_options: keys of the object store.
    """

    place: str
    storage_options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no archive.

        Raises:
            StzsarError: Lance is not there, there is no archive, or a newer stzsar wrote it.
        """
        if self.dataset("stretches") is None:
            raise StzsarError(
                f"There is no archive in {self.place}: make one with stzsar-archive index."
            )
        check_format(self.place, self.rows("bundles", columns=["format"]))

    def dataset(self, name: Name) -> Any:
        """Return a table at its newest version as Lance has it; None where there is none."""
        lance = _load_lance()
        try:
            return lance.dataset(self._address(name), storage_options=dict(self.storage_options))
        except (ValueError, FileNotFoundError):
            return None

    def pieces(
        self, name: Name, *, where: str | None = None, columns: Sequence[str] | None = None
    ) -> "Iterator[pyarrow.RecordBatch]":
        """Yield the rows of a table in the order they were written, in pieces."""
        dataset = self.dataset(name)
        if dataset is None:
            return
        known = dataset.schema.names
        yield from dataset.to_batches(
            filter=where,
            columns=None if columns is None else [one for one in columns if one in known],
            batch_size=PIECE_ROWS,
            # One piece ahead, not sixteen: the rows of an archive are wide.
            batch_readahead=1,
            fragment_readahead=1,
            scan_in_order=True,
        )

    def rows(
        self, name: Name, *, where: str | None = None, columns: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return the rows of a small table."""
        found = self.pieces(name, where=where, columns=columns)
        return [row for piece in found for row in piece.to_pylist()]

    def columns(self, name: Name) -> tuple[str, ...]:
        """Return the names of a table's columns; none where there is no table."""
        dataset = self.dataset(name)
        return () if dataset is None else tuple(dataset.schema.names)

    def delete(self, name: Name, where: str) -> int:
        """Delete rows; return how many. Their bytes stay until `settle`."""
        dataset = self.dataset(name)
        if dataset is None:
            return 0
        count = dataset.count_rows(where)
        if count:
            dataset.delete(where)
        return count

    def settle(self, name: Name, *, all_versions: bool, drop_indices: bool = False) -> None:
        """Write small files together, without deleted rows, and remove old versions.

        Args:
            name: the table.
            all_versions: also remove what a writer may be writing just now, and every version
                but the newest: nobody else may use the table.
            drop_indices: remove its indices, which hold copies of what was deleted.
        """
        dataset = self.dataset(name)
        if dataset is None:
            return
        if drop_indices:
            for index in dataset.describe_indices():
                dataset.drop_index(index.name)
        dataset.optimize.compact_files(
            materialize_deletions=True, materialize_deletions_threshold=0.0
        )
        if all_versions:
            # The newest version says how it was made, with the names in the condition of a delete.
            dataset.update_config({"stzsar.settled": "1"})
        # A reader that began on an old version may go on for an hour.
        older = timedelta(0) if all_versions else timedelta(hours=1)
        dataset.cleanup_old_versions(older_than=older, delete_unverified=all_versions)

    def bytes_of(self, name: Name) -> int:
        """Return what the newest version of a table has on disk, deleted rows among it."""
        dataset = self.dataset(name)
        if dataset is None:
            return 0
        return sum(
            file.file_size_bytes or 0
            for fragment in dataset.get_fragments()
            for file in fragment.metadata.files
        )

    def _address(self, name: Name) -> str:
        return f"{self.place.rstrip('/')}/{name}.lance"


def disk_bytes(place: str) -> int | None:
    """Return all bytes below a folder; None of an object store."""
    folder = Path(place)
    if "://" in place:
        return None
    found = 0
    for at, _, names in os.walk(folder):
        found += sum((Path(at) / name).stat().st_size for name in names)
    return found


def _load_lance() -> Any:
    try:
        import lance
    except ImportError as error:
        raise StzsarError(
            "The archive needs the packages lancedb and pylance: run pip install '.[archive]' in "
            "stzsar's folder."
        ) from error
    return lance
