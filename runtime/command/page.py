"""Opens the live page of a run."""

from typing import TYPE_CHECKING

from ..errors import StzsarError
from ..sources.feed import FrameTap
from ..sources.taps import Taps
from ..terminal.commandline import say
from .options import RunOptions

if TYPE_CHECKING:
    from ..page.opening import Served
    from ..page.page import LivePage


def open_page(options: RunOptions, run: "Served") -> "tuple[LivePage, FrameTap]":
    """Return the page that the options ask for, which answers from now on, and who taps the feeds.

    Raises:
        StzsarError: it cannot be served.
    """
    from ..page.opening import serve

    page, pictures = serve(options, run)
    for link in page.opened.links:
        say(f"The live page: {link}")
    if page.opened.made:
        say("Whoever has the first of these links may change things, with the second one look.")
    return page, Taps([run.keeper, pictures]) if run.keeper else pictures


def check_page(options: RunOptions) -> None:
    """Refuse a page that lacks its packages, before anything is loaded.

    Raises:
        StzsarError: one is not there.
    """
    if options.serve is None:
        return
    try:
        from ..page import opening  # noqa: F401
    except ImportError as error:
        raise StzsarError(
            f"--serve needs the package {error.name}: run pip install '.[page]' in stzsar's folder."
        ) from error
