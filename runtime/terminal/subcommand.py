"""A command with a subcommand beside its own work: `stzsar-bench compare …`, `stzsar-bench`."""

from collections.abc import Callable
from typing import Any

import click
import cloup


def with_subcommand(name: str, load: Callable[[], click.Command]) -> type[cloup.Command]:
    """Return the class of a command that runs a subcommand if its first argument is `name`.

    Args:
        name: the subcommand's name.
        load: imports the subcommand, when it is needed.
    """

    class WithSubcommand(cloup.Command):
        subcommands = {name: load}  # noqa: RUF012 (never changed; what lists all helps reads it)

        def make_context(
            self,
            info_name: str | None,
            args: list[str],
            parent: click.Context | None = None,
            **extra: Any,
        ) -> click.Context:
            if args[:1] != [name]:
                return super().make_context(info_name, args, parent, **extra)
            return load().make_context(f"{info_name} {name}", args[1:], parent, **extra)

        def invoke(self, ctx: click.Context) -> Any:
            return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    return WithSubcommand
