"""The command-line options of a run's archive."""

from typing import Any

import click
import cloup

from ...errors import StzsarError


def _bytes(_context: click.Context, _option: click.Parameter, text: str | None) -> int | None:
    from ...archive.keeping.retention import parse_size

    try:
        return None if text is None else parse_size(text)
    except StzsarError as error:
        raise click.BadParameter(str(error)) from error


_OPTIONS: tuple[Any, ...] = (
    cloup.option(
        "--archive",
        metavar="DIR|URL",
        help="Keep the embeddings of all frames, so that stzsar-archive finds anything later",
    ),
    cloup.option(
        "--archive-stretch",
        "archive_stretch_s",
        metavar="S",
        type=click.FloatRange(min=1),
        show_default="the archive's, else 600",
        help="Commit every S seconds; a kill loses what is not committed",
    ),
    cloup.option(
        "--archive-patches",
        metavar="N",
        type=click.IntRange(min=1),
        show_default="the archive's, else 8",
        help="Keep the N most different patches of a frame",
    ),
    cloup.option(
        "--archive-days",
        metavar="N",
        type=click.FloatRange(min=0, min_open=True),
        help="Remove what is older than N days",
    ),
    cloup.option(
        "--archive-size",
        "archive_bytes",
        metavar="SIZE",
        callback=_bytes,
        help="Remove the oldest beyond a size, such as 50G",
    ),
)
ARCHIVE = cloup.option_group("Archive", *_OPTIONS)
OF_ARCHIVE = (
    "archive", "archive_stretch_s", "archive_patches", "archive_days", "archive_bytes",
)  # fmt: skip
