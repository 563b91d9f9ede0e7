"""stzsar-archive: encode once, ask anything later."""

import click
import cloup

from ...terminal.commandline import run_as_program
from .reindex import reindex
from .search import search

_EXAMPLE = """\b
Examples:
  stzsar-archive search cameras.archive "somebody falls" --since 7d
      finds the moments of the last week that show it
  stzsar-archive search cameras.archive --like hall@2026-11-30T14:02:11
      finds more of what was there
  stzsar-archive reindex cameras.archive
      makes searches of a large archive fast
"""


@cloup.group(epilog=_EXAMPLE)
@click.version_option(package_name="stzsar")
def main() -> None:
    """Ask what was encoded."""


for _command in (search, reindex):
    main.add_command(_command)


def program() -> None:
    """Run stzsar-archive as a program."""
    run_as_program(main)


if __name__ == "__main__":
    program()
