"""The options of stzsar-bench; an Options object refuses what does not go together."""

from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import StzsarError
from ...runtime.labels.label_files import LabelsLike, label_source
from ...runtime.sources.address import Address, parse_address
from ...runtime.streams.stream import StreamOptions
from ..tools.plotting import check_plot
from .sources import SHIPPED_CLIP

_STREAMS = 4


@dataclass(frozen=True, kw_only=True)
class Options:
    bundle: Path | None = None  # None takes the newest under runs/, else the one that ships
    source: str = SHIPPED_CLIP  # a video file or a live source, as `stzsar-run` takes it
    # How many, random ones beyond the bundle's own; or labels to embed. None takes the bundle's own
    labels: int | LabelsLike | None = None
    streams: int | None = None  # watched together; None is 4, or 1 for a live source
    rate_fps: float | None = None  # sampling rate; None takes the bundle's
    frames: int | None = None  # frames per window; None takes the bundle's
    data: Path | None = None  # labelled clips, to measure accuracy too
    seconds: float = 5.0  # how long to time each mode in each turn
    repeat: int = 3  # turns of each mode
    # As in `stzsar-run`
    engine: str = "auto"
    threads: int = 0
    trust_engines: bool = False
    json: Path | None = None  # where to write the record; "-" is stdout
    plot: Path | None = None  # where to draw the picture
    command: str = ""  # the command line, for the record

    def __post_init__(self) -> None:
        if self.labels is not None and not isinstance(self.labels, int):
            object.__setattr__(self, "labels", label_source(self.labels, "--labels"))
        address = self.address
        if self.live_streams > 1 and address.kind in ("camera", "csi", "gst"):
            raise StzsarError(f"{address.name} opens only once: leave --streams out.")
        check_plot(self.plot)

    @property
    def address(self) -> Address:
        return parse_address(self.source)

    @property
    def live_streams(self) -> int:
        return self.streams or (1 if self.address.live else _STREAMS)

    @property
    def sampling(self) -> StreamOptions:
        return StreamOptions(rate_fps=self.rate_fps, frames=self.frames)

    @property
    def written(self) -> list[Path]:
        return [path for path in (self.json, self.plot) if path and path != Path("-")]
