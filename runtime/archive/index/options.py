"""What `stzsar-archive index` is asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import StzsarError

DEFAULT_STRETCH_S, DEFAULT_PATCHES = 600.0, 8


@dataclass(frozen=True, kw_only=True)
class IndexOptions:
    """Which videos go into which archive, and how.

    Attributes:
        videos: files, and folders of them.
        archive: its folder, or its address in an object store.
        bundle: folder of the bundle that encodes; None takes the newest under runs/, else the one
            that ships.
        rate_fps: frames a second; None is what the archive has, else the bundle's own rate.
        stretch_s: a stretch is so long, in seconds; None is what the archive has, else 600.
        patches: of a frame, the most different ones; None is what the archive has, else 8.
        motion_gate: encode a frame only if it changed by this much of 255; None encodes all.
        still_s: keep a small picture this often, in seconds; None keeps none.
        workers: processes on this machine.
        ray: "local", or the address of a Ray cluster, whose actors index instead.
        threads: CPU threads of each worker; 0 shares the cores.
        engine: "auto" or another of `engines.opening.ENGINES`.
        storage: of an object store, as lancedb takes it.
    """

    videos: tuple[Path, ...]
    archive: str
    bundle: Path | None = None
    rate_fps: float | None = None
    stretch_s: float | None = None
    patches: int | None = None
    motion_gate: float | None = None
    still_s: float | None = None
    workers: int = 1
    ray: str | None = None
    threads: int = 0
    engine: str = "auto"
    storage: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            StzsarError: a number makes no sense.
        """
        if not self.videos:
            raise StzsarError("There is nothing to index: name video files, or a folder of them.")
        for name, value in (("--rate", self.rate_fps), ("--stretch", self.stretch_s)):
            if value is not None and not 0 < value < 1e6:
                raise StzsarError(f"{name} must be above 0, not {value:g}.")
        if self.motion_gate is not None and not 0 < self.motion_gate < 255:
            raise StzsarError(f"--motion-gate must be between 0 and 255, not {self.motion_gate:g}.")
        if self.workers < 1:
            raise StzsarError(f"--workers must be at least 1, not {self.workers}.")
