"""`run`: what stzsar-run does with its options, for the command and for Python programs."""

import signal

from ..terminal.signals import LIMIT_S
from ..terminal.watchdog import Watchdog
from .calibrate import calibrate
from .options import CalibrationOptions, ReplayOptions, RunOptions, SuggestOptions
from .propose_regions import propose_regions
from .recognize import recognize
from .replay import replay
from .show_regions import show_regions
from .suggest import suggest


def run(options: RunOptions | ReplayOptions | CalibrationOptions | SuggestOptions) -> None:
    """Recognise actions until the sources end, as `stzsar-run` does.

    Results go where the options say, and to stdout otherwise; messages, progress and the summary
    go to stderr. Ctrl-C, SIGTERM and SIGHUP end a run in good order: open events end, and files are
    completed. Python hands signals to the main thread only; in another one nothing ends a run
    but its sources.

    Args:
        options: `RunOptions` watches sources, `ReplayOptions` scores a recording again,
            `CalibrationOptions` writes a file of thresholds, `SuggestOptions` labels to ignore.

    Raises:
        StzsarError: something cannot be used, a source failed, or an output cannot be written.
        KeyboardInterrupt: Ctrl-C ended the run.
        SystemExit: SIGTERM or SIGHUP ended the run.
    """
    with Watchdog((signal.SIGTERM, signal.SIGHUP), LIMIT_S):  # a graph may hang while it is loaded
        if isinstance(options, ReplayOptions):
            replay(options)
        elif isinstance(options, CalibrationOptions):
            calibrate(options)
        elif isinstance(options, SuggestOptions):
            suggest(options)
        elif options.regions:
            propose_regions(options)
        elif options.show_regions:
            show_regions(options, options.show_regions)
        else:
            recognize(options)
