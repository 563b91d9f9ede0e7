"""Opens the live page of a run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..duty import Duties
from ..errors import StzsarError
from ..events.keeper import EventKeeper
from ..labels.per_source import LabelFiles
from ..recognizer import Recognizer
from ..sources.feed import FrameTap
from ..sources.spec import SourceSpec
from ..sources.taps import Taps
from ..streams.table import StreamTable
from ..terminal.commandline import say
from .options import RunOptions

if TYPE_CHECKING:
    from ..page.page import LivePage


def open_page(
    options: RunOptions,
    specs: Sequence[SourceSpec],
    *,
    recognizer: Recognizer,
    labels: LabelFiles,
    table: StreamTable,
    duties: Duties,
    keeper: EventKeeper | None,
) -> "tuple[LivePage | None, FrameTap | None]":
    """Return the page that the options ask for, which answers from now on, and who taps the feeds.

    Raises:
        StzsarError: it cannot be served, or the packages that it needs are not there.
    """
    if options.serve is None:
        return None, keeper
    try:
        from ..page.opening import serve
    except ImportError as error:
        raise StzsarError(
            f"--serve needs the package {error.name}: run pip install '.[page]' in stzsar's folder."
        ) from error
    page, pictures = serve(
        options,
        specs,
        recognizer=recognizer,
        labels=labels,
        table=table,
        duties=duties,
        keeper=keeper,
        explains_all=options.explain,
    )
    for link in page.opened.links:
        say(f"The live page: {link}")
    if page.opened.made:
        say("Whoever has the first of these links may change things, with the second one look.")
    return page, Taps([keeper, pictures]) if keeper else pictures
