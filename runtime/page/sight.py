"""What can be seen of a run: its streams, its pictures, what is true of it as a whole."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..bundle.manifest import PATCH_EMBEDDINGS
from ..recognizer import Recognizer
from ..streams.table import StreamTable
from .board import Board
from .messages.run import RecordingInfo, RunInfo
from .pictures import Pictures
from .scene import Scene

FULL_RATE = (
    "Pictures here are small and few, so that recognition keeps its time. For a camera's full "
    "rate, put go2rtc beside stzsar: it hands one connection of the camera on to both."
)


@dataclass(kw_only=True)
class Sight:
    """What viewers see.

    Attributes:
        board: what was recognised.
        pictures: what was seen.
        scene: the streams.
        table: the lanes of the run.
        recognizer: what recognises.
        version: of stzsar.
        why_not: sentences for what this run cannot do.
        explains_all: whether the run explains all results anyway.
        recording: tells of the recording.
    """

    board: Board
    pictures: Pictures
    scene: Scene
    table: StreamTable
    recognizer: Recognizer
    version: str
    why_not: dict[str, str] = field(default_factory=dict)
    explains_all: bool = False
    recording: Callable[[], RecordingInfo] = lambda: RecordingInfo(on=False)

    def run(self) -> RunInfo:
        """Return what is true of the run."""
        why_not = dict(self.why_not)
        if PATCH_EMBEDDINGS not in self.recognizer.manifest.features:
            why_not["explains"] = (
                "This bundle does not tell which part of a picture won: export it again with "
                "--interaction product."
            )
        return RunInfo(
            version=self.version,
            bundle=self.recognizer.manifest.name,
            device=self.recognizer.device,
            started=round(self.board.started, 3),
            events="events" not in why_not,
            explains="explains" not in why_not,
            teaches="teaches" not in why_not,
            records="records" not in why_not,
            searches="searches" not in why_not,
            why_not=why_not,
            overload=self.board.share,
            recording=self.recording(),
            full_rate=FULL_RATE,
        )

    def explain(self, lanes: frozenset[str]) -> None:
        """Explain the results of these lanes from now on, and of no others."""
        if PATCH_EMBEDDINGS not in self.recognizer.manifest.features:
            return
        if lanes == self.board.explained:
            return
        self.board.explained = lanes
        if not self.explains_all:
            self.table.ask(lambda loop: loop.explain(lanes))
