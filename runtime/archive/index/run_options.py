"""What a run is told about its archive."""

from dataclasses import dataclass

from ...errors import StzsarError
from ..keeping.retention import RetainOptions


@dataclass(frozen=True, kw_only=True)
class ArchivingOptions:
    """The archive of a run.

    Attributes:
        archive: its folder, or its address in an object store; None keeps none.
        archive_stretch_s: commit every so many seconds, since a kill loses what is not committed;
            None is what the archive has, else 600.
        archive_patches: patches of a frame, the most different ones; None is what the archive has,
            else 8.
        archive_days: remove what is older than so many days, each hour; None keeps all.
        archive_bytes: remove the oldest beyond so much; None keeps all.
    """

    archive: str | None = None
    archive_stretch_s: float | None = None
    archive_patches: int | None = None
    archive_days: float | None = None
    archive_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            StzsarError: an option belongs to an archive, and none is given.
        """
        for name, value in (
            ("--archive-stretch", self.archive_stretch_s),
            ("--archive-patches", self.archive_patches),
            ("--archive-days", self.archive_days),
            ("--archive-size", self.archive_bytes),
        ):
            if value is not None and self.archive is None:
                raise StzsarError(f"{name} requires --archive DIR: give that too, or leave it out.")
        _ = self.retained

    @property
    def retained(self) -> RetainOptions | None:
        """What the archive keeps; None is all."""
        if self.archive_days is None and self.archive_bytes is None:
            return None
        return RetainOptions(days=self.archive_days, size_bytes=self.archive_bytes)
