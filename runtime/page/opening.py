"""Puts a page together, and serves it."""

from collections.abc import Sequence

from ... import __version__
from ..duty import Duties
from ..events.keeper import EventKeeper
from ..labels.per_source import LabelFiles
from ..recognizer import Recognizer
from ..sources.spec import SourceSpec
from ..streams.table import StreamTable
from .board import Board
from .change_endpoints import change_endpoints
from .changes import Changes
from .event_endpoints import NO_EVENTS, KeptEvents, event_endpoints
from .live_messages import Stored
from .options import PageOptions
from .page import LivePage
from .pictures import Pictures
from .run_endpoints import run_endpoints
from .scene import Scene
from .session_endpoints import session_endpoints
from .sight import Sight


def serve(
    options: PageOptions,
    specs: Sequence[SourceSpec],
    *,
    recognizer: Recognizer,
    labels: LabelFiles,
    table: StreamTable,
    duties: Duties,
    keeper: EventKeeper | None,
    explains_all: bool = False,
) -> tuple[LivePage, Pictures]:
    """Return the page, which answers from now on, and the tap that its pictures come from.

    Raises:
        StzsarError: it cannot be served.
    """
    pictures = Pictures()
    board = Board(table, pictures)
    scene = Scene(specs, table=table, board=board, pictures=pictures, duties=duties)
    changes = Changes(
        scene=scene, board=board, table=table, labels=labels, user=recognizer, duties=duties
    )
    sight = Sight(
        board=board,
        pictures=pictures,
        scene=scene,
        table=table,
        recognizer=recognizer,
        version=__version__,
        explains_all=explains_all,
    )
    try:
        page = LivePage(options, sight)
    except BaseException:
        pictures.close(0.1)
        raise

    def tell_of_event(number: int) -> None:
        page.tell(Stored(id=number))

    if keeper:
        keeper.tell_of_changes(tell_of_event)
    else:
        sight.why_not["events"] = NO_EVENTS
    events = KeptEvents(keeper.folder if keeper else None, tell_of_event)
    page.start(
        [
            *session_endpoints(page.access),
            *run_endpoints(sight),
            *change_endpoints(changes),
            *event_endpoints(events),
        ]
    )
    return page, pictures
