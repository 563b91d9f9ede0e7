"""Arguments of several subcommands."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cloup

if TYPE_CHECKING:
    from ...archive.keeping.wanted import Wanted

archive = cloup.argument(
    "archive", metavar="ARCHIVE", help="Its folder, or its address, such as s3://bucket/cameras."
)
debug = cloup.option("--debug", is_flag=True, help="Show tracebacks.")


def which_rows(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which rows."""
    return cloup.option_group(
        "Which rows",
        cloup.option("--stream", "streams", metavar="NAME", multiple=True, help="Of this stream"),
        cloup.option(
            "--since",
            metavar="TIME",
            help="From a day, a day and a time, or a time ago: 2026-11-30, '2026-11-30 14:00', 2h; "
            "files have no such time",
        ),
        cloup.option("--until", metavar="TIME", help="Before a time, written in the same way"),
    )(command)


def wanted_of(streams: tuple[str, ...], since: str | None, until: str | None) -> "Wanted":
    """Return which rows the options say.

    Raises:
        StzsarError: a time is none.
    """
    from ...archive.keeping.wanted import Wanted
    from ...events.moments import parse_moment

    return Wanted(
        streams=streams,
        since=None if since is None else parse_moment("--since", since),
        until=None if until is None else parse_moment("--until", until),
    )


def size(number: int | None) -> str:
    """Return a number of bytes as people read it."""
    if number is None:
        return "unknown"
    value, units = float(number), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        del units[0]
    return f"{value:.1f} {units[0]}"
