"""A command that has one more of its own: `stzsar-bench compare …` beside `stzsar-bench`."""

from collections.abc import Callable
from typing import Any

import click
import cloup


def with_subcommand(name: str, load: Callable[[], click.Command]) -> type[cloup.Command]:
    """Return the class of a command that is another one if its first word is `name`.

    Args:
        name: the word, which can then be no first argument of the command itself.
        load: imports the other command; called only where it is wanted.
    """

    class WithSubcommand(cloup.Command):
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
