"""What stzsar-bench is asked to measure."""

from dataclasses import dataclass
from pathlib import Path

from ...runtime.bundle.bundle import Bundle
from ...runtime.streams.stream import StreamOptions


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        bundle: the opened bundle.
        source: what is measured on.
        labels: how many labels; None has the bundle's own.
        streams: how many are watched in real time.
        seconds: how long each mode is timed in each turn.
        repeat: how many turns each mode has.
        data: labelled clips, for accuracy; None has none.
        rate_fps: frames looked at per second; the bundle's if None.
        frames: frames of a window; the bundle's if None.
        engine: as in `stzsar-run`.
        threads: as in `stzsar-run`.
        trust_engines: as in `stzsar-run`.
        command: what was typed.
    """

    bundle: Bundle
    source: str
    labels: int | None
    streams: int
    seconds: float
    repeat: int
    data: Path | None
    rate_fps: float | None
    frames: int | None
    engine: str
    threads: int
    trust_engines: bool
    command: str

    @property
    def looked_at(self) -> StreamOptions:
        """How the source is looked at."""
        return StreamOptions(rate_fps=self.rate_fps, frames=self.frames)
