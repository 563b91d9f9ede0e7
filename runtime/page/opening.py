"""Puts a page together, and serves it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ... import __version__
from ..duty import Duties
from ..events.keeper import EventKeeper
from ..labels.per_source import LabelFiles
from ..recognizer import Recognizer
from ..recordings.recorder import Recorder
from ..sinks.metrics import Metrics
from ..sources.spec import SourceSpec
from ..streams.table import StreamTable
from .api.archive_endpoints import archive_endpoints
from .api.change_endpoints import change_endpoints
from .api.event_endpoints import NO_EVENTS, KeptEvents, event_endpoints
from .api.run_endpoints import run_endpoints
from .api.session_endpoints import session_endpoints
from .api.teaching_endpoints import teaching_endpoints
from .board import Board
from .changes import Changes
from .messages.live import RecordingNews, TeachingNews
from .options import PageOptions
from .page import LivePage
from .pictures import Pictures
from .recordings import FOLDER, NO_PLACE, Recordings
from .scene import Scene
from .searches import NO_ARCHIVE, ArchiveOptions, Searches
from .sight import Sight
from .teaching.arguments import TeachingArguments
from .teaching.teaching import NO_TEACHING, Teaching


@dataclass(frozen=True, kw_only=True)
class Served:
    """A run, as its page sees and changes it.

    Attributes:
        specs: its sources.
        recognizer: what recognises.
        labels: the labels of each source.
        table: its lanes.
        duties: which streams make events.
        keeper: keeps events; None where none are kept.
        open_recorder: opens a recorder that writes into a file.
        record: the file that the run records into from its start; None is none.
        teaching: arguments of the programs that teach.
        explains_all: whether all results are explained anyway.
        archive: what people search; None where the run keeps none.
    """

    specs: Sequence[SourceSpec]
    recognizer: Recognizer
    labels: LabelFiles
    table: StreamTable
    duties: Duties
    keeper: EventKeeper | None
    open_recorder: Callable[[Path], Recorder]
    record: Path | None = None
    teaching: TeachingArguments = field(default_factory=TeachingArguments)
    explains_all: bool = False
    archive: ArchiveOptions | None = None


def serve(options: PageOptions, run: Served) -> tuple[LivePage, Pictures]:
    """Return the page, which answers from now on, and the tap that its pictures come from.

    Raises:
        StzsarError: it cannot be served.
    """
    table, keeper, pictures = run.table, run.keeper, Pictures()
    board = Board(table, pictures)
    scene = Scene(run.specs, table=table, board=board, pictures=pictures, duties=run.duties)
    sight = Sight(
        board=board,
        pictures=pictures,
        scene=scene,
        table=table,
        recognizer=run.recognizer,
        version=__version__,
        explains_all=run.explains_all,
    )
    metrics = Metrics(table.counters, dict)
    try:
        page = LivePage(options, sight, metrics)
    except BaseException:
        pictures.close(0.1)
        raise
    recordings = page.recordings = Recordings(
        _place(run),
        open=run.open_recorder,
        table=table,
        on_change=lambda info: page.tell(RecordingNews(recording=info)),
    )
    sight.recording = lambda: recordings.info
    if recordings.folder is None:
        sight.why_not["records"] = NO_PLACE

    if keeper:
        keeper.tell_of_changes(page.tell_of_event)
    else:
        sight.why_not["events"], sight.why_not["teaches"] = NO_EVENTS, NO_TEACHING
    changes = Changes(
        scene=scene,
        board=board,
        table=table,
        labels=run.labels,
        user=run.recognizer,
        duties=run.duties,
    )
    teaching = None
    if keeper:
        teaching = Teaching(
            keeper,
            recognizer=run.recognizer,
            table=table,
            recordings=recordings,
            arguments=run.teaching,
            on_change=lambda info: page.tell(TeachingNews(teaching=info)),
        )
        page.on_close.append(teaching.close)
    searches = Searches(run.archive) if run.archive else None
    if searches:
        page.on_close.append(searches.close)
    else:
        sight.why_not["searches"] = NO_ARCHIVE
    events = KeptEvents(keeper.folder if keeper else None, page.tell_of_event)
    page.start(
        [
            *session_endpoints(page.access),
            *run_endpoints(sight, metrics),
            *change_endpoints(changes, recordings),
            *event_endpoints(events),
            *teaching_endpoints(teaching),
            *archive_endpoints(searches),
        ]
    )
    return page, pictures


def _place(run: Served) -> Path | None:
    """Return the folder of recordings that people start."""
    if run.keeper:
        return run.keeper.folder.path / FOLDER
    return run.record.parent if run.record else None
