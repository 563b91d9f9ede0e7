"""Opens the live page of a run."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from ..errors import StzsarError
from ..page.teaching.arguments import TeachingArguments
from ..sources.feed import FrameTap, Taps
from ..streams.table import StreamTable
from ..terminal.commandline import say
from .options import RunOptions

if TYPE_CHECKING:
    from ..page.opening import Served
    from ..page.page import LivePage
    from ..page.searches import ArchiveOptions

TELL_S = 1.0


def open_page(options: RunOptions, run: "Served") -> "tuple[LivePage, FrameTap]":
    """Return the page that the options ask for, which answers from now on, and who taps the feeds.

    Nobody is told where it is yet, see `teller`.

    Raises:
        StzsarError: it cannot be served.
    """
    from ..page.opening import serve

    page, pictures = serve(options, run)
    return page, Taps([run.keeper, pictures]) if run.keeper else pictures


def teller(page: "LivePage", table: StreamTable) -> Callable[[], None]:
    """Return what says once where the page is; to be called some times a second.

    It waits for the first picture, but no longer than TELL_S: a link before the sentence that there
    is no such camera would lead nowhere.
    """
    begin_s, is_said = monotonic(), False

    def tell() -> None:
        nonlocal is_said
        is_time = monotonic() - begin_s > TELL_S
        if is_said or not (is_time or any(read for read, _ in table.reading().values())):
            return
        is_said = True
        for link in page.opened.links:
            say(f"The live page: {link}")
        if page.opened.made:
            say("Whoever has the first of these links may change things, with the second one look.")

    return tell


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


def searched_archive(options: RunOptions, bundle: Path) -> "ArchiveOptions | None":
    """Return how people search the run's archive; None where it keeps none.

    One thread is enough to search, and leaves the others to the run.
    """
    from ..page.searches import ArchiveOptions

    if options.archive is None:
        return None
    return ArchiveOptions(
        archive=options.archive,
        bundle=bundle,
        threads=1,
        engine=options.engine,
        trust_engines=options.trust_engines,
    )


def teaching_arguments(options: RunOptions, bundle: Path) -> TeachingArguments:
    """Return what stzsar-teach and stzsar-run need to see what this run sees."""
    common = [
        *("--bundle", str(bundle)),
        *("--engine", options.engine),
        *_given("--rate", options.rate_fps),
        *_given("--window", options.window_s),
        *_given("--motion-gate", options.motion_gate),
        *_given("--min-length", options.min_length_s),
        *_given("--cool-down", options.cool_down_s),
    ]
    if options.trust_engines:
        common.append("--trust-engines")
    now = [*_given("--threshold", options.threshold), *_given("--calibration", options.calibration)]
    return TeachingArguments(common=tuple(common), now=tuple(now))


def _given(option: str, value: object) -> list[str]:
    return [] if value is None else [option, str(value)]
