"""A benchmark as a command: options from the command line, smaller defaults with --quick."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import cloup

from ..runtime.terminal.commandline import at_the_edge

Options = TypeVar("Options", bound=Any)

POSITIVE = click.IntRange(min=1)

threads_option = cloup.option(
    "--threads", metavar="N", default=2, show_default=True, type=POSITIVE,
    help="Limit ONNX Runtime to N threads.",
)  # fmt: skip
plot_option = cloup.option(
    "--plot", metavar="FILE.png", type=click.Path(path_type=Path),
    help="Draw a picture too (.png, .svg, .pdf).",
)  # fmt: skip
_quick_option = cloup.option(
    "--quick", is_flag=True, help="Check within seconds that it runs; its numbers mean nothing."
)
_debug_option = cloup.option("--debug", is_flag=True, help="Show tracebacks.")


def bundle_option(
    default: str = "the one that ships", help_text: str = "Measure this bundle."
) -> Callable[[Any], Any]:
    """Return --bundle."""
    return cloup.option(
        "--bundle", type=click.Path(path_type=Path), show_default=default, help=help_text
    )


def rounds_option(usual: int, quick: int) -> Callable[[Any], Any]:
    """Return --rounds with its two defaults in the help."""
    return cloup.option(
        "--rounds", metavar="N", type=POSITIVE, show_default=f"{usual}; {quick} with --quick",
        help="Repeat each measurement N times, in interleaved rounds.",
    )  # fmt: skip


def benchmark(*, usual: Options, quick: Options) -> Callable[[Callable[[Options], None]], Any]:
    """Make a command of a function that takes one options object.

    An option that is left out keeps its value in `usual`, or in `quick` with --quick.
    """

    def decorate(run: Callable[[Options], None]) -> Any:
        @functools.wraps(run)
        def command(**typed: Any) -> None:
            defaults = quick if typed.pop("quick") else usual
            chosen = {name: value for name, value in typed.items() if value not in (None, ())}
            run(dataclasses.replace(defaults, **chosen))

        return cloup.command()(_quick_option(_debug_option(at_the_edge(command))))

    return decorate
