"""stzsar-archive: encode once, ask anything later, and keep what may be kept."""

import click
import cloup

from ...terminal.commandline import run_as_program
from .compact import compact
from .export import export
from .forget import forget
from .index import index
from .inspect import inspect
from .reindex import reindex
from .retain import retain
from .search import search
from .serve import serve
from .verify import verify

_EXAMPLE = """\b
Examples:
  stzsar-archive index videos/ --archive cameras.archive
      encodes all videos of a folder
  stzsar-archive search cameras.archive "somebody falls" --since 7d
      finds the moments of the last week that show it
  stzsar-archive search cameras.archive --like hall@2026-11-30T14:02:11
      finds more of what was there
  stzsar-archive serve cameras.archive
      lets people search on a page
  stzsar-archive inspect cameras.archive
      shows what is in an archive
  stzsar-archive verify cameras.archive
      compares all rows with what was written
  stzsar-archive compact cameras.archive
      writes small files together
  stzsar-archive reindex cameras.archive
      makes searches of a large archive fast
  stzsar-archive retain cameras.archive --days 30 --size 50G
      removes what is older, and what is too much
  stzsar-archive forget cameras.archive --stream kitchen --since 2026-11-30
      removes rows and pictures for good
  stzsar-archive export cameras.archive --output rows/ --format webdataset
      writes it for other programs
"""


@cloup.group(epilog=_EXAMPLE)
@click.version_option(package_name="stzsar")
def main() -> None:
    """Encode once, ask anything later, and keep what may be kept."""


for _command in (index, search, serve, inspect, verify, reindex, compact, retain, forget, export):
    main.add_command(_command)


def program() -> None:
    """Run stzsar-archive as a program."""
    run_as_program(main)


if __name__ == "__main__":
    program()
