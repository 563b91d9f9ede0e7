"""A benchmark as a command: options from the command line, smaller defaults with --quick."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import cloup

from ...runtime.terminal.commandline import at_the_edge
from ...runtime.terminal.signals import StopSignals

Options = TypeVar("Options", bound=Any)

plot_option = cloup.option(
    "--plot", metavar="FILE.png", type=click.Path(path_type=Path),
    help="Draw a picture too (.png, .svg, .pdf).",
)  # fmt: skip
_quick_option = cloup.option(
    "--quick", is_flag=True, help="Check within seconds that it runs; its numbers mean nothing."
)
_debug_option = cloup.option("--debug", is_flag=True, help="Show tracebacks.")


def count_option(
    name: str, default: int | str | None, help_text: str, *, multiple: bool = False
) -> Callable[[Any], Any]:
    """Return an option that takes a positive number."""
    shown = False if default is None else str(default)
    kind = click.IntRange(min=1)
    return cloup.option(
        name, metavar="N", type=kind, show_default=shown, help=help_text, multiple=multiple
    )


def threads_option(default: int = 2) -> Callable[[Any], Any]:
    return count_option("--threads", default, "Limit ONNX Runtime to N threads.")


def bundle_option(
    default: str = "the one that ships", help_text: str = "Measure this bundle."
) -> Callable[[Any], Any]:
    return cloup.option(
        "--bundle", type=click.Path(path_type=Path), show_default=default, help=help_text
    )


def rounds_option(usual: int, quick: int) -> Callable[[Any], Any]:
    """Return --rounds with its two defaults in the help."""
    default = f"{usual}; {quick} with --quick"
    return count_option("--rounds", default, "Measure in N interleaved rounds.")


def benchmark(*, usual: Options, quick: Options) -> Callable[[Callable[[Options], None]], Any]:
    """Make a command of a function that takes one options object.

    An option that is left out keeps its value in `usual`, or in `quick` with --quick.
    """

    def decorate(run: Callable[[Options], None]) -> Any:
        @functools.wraps(run)
        def command(**typed: Any) -> None:
            defaults = quick if typed.pop("quick") else usual
            chosen = {name: value for name, value in typed.items() if value not in (None, ())}
            with StopSignals():
                run(dataclasses.replace(defaults, **chosen))

        return cloup.command()(_quick_option(_debug_option(at_the_edge(command))))

    return decorate
