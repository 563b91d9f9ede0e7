"""stzsar-archive: encode once, ask anything later, and keep what may be kept."""

import click
import cloup

from ...terminal.commandline import run_as_program
from .compact import compact
from .export import export
from .forget import forget
from .inspect import inspect
from .retain import retain
from .verify import verify

_EXAMPLE = """\b
Examples:
  stzsar-archive inspect cameras.archive
      shows what is in an archive
  stzsar-archive verify cameras.archive
      compares all rows with what was written
  stzsar-archive compact cameras.archive
      writes small files together
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
    """Keep what was encoded, and look at it."""


for _command in (inspect, verify, export, compact, retain, forget):
    main.add_command(_command)


def program() -> None:
    """Run stzsar-archive as a program."""
    run_as_program(main)


if __name__ == "__main__":
    program()
