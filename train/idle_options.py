"""Refuses options whose values would have no effect beside others.

The configuration refuses contradictions itself; this adds what only the command line shows: that an
option was given, be it with the default's value.
"""

from collections.abc import Callable, Sequence
from typing import Any

import click
import cloup
from cloup.constraints import Constraint, Equal, IsSet
from cloup.constraints.conditions import Predicate
from cloup.constraints.exceptions import ConstraintViolated

from .config import MOVING_SHAPES


class _Idle(Constraint):
    """Accepts none of the options where a condition holds.

    cloup's own `accept_none` does not notice --no-x, which it counts as not given.
    """

    def __init__(self, condition: Predicate, sentence: str) -> None:
        self._condition, self._sentence = condition, sentence

    def help(self, ctx: click.Context) -> str:
        return f"not accepted if {self._condition.description(ctx)}"

    def check_values(self, params: Sequence[click.Parameter], ctx: click.Context) -> None:
        given = [param.opts[0] for param in params if ctx.params[param.name or ""] is not None]
        if given and self._condition(ctx):
            sentence = self._sentence.format(option=given[0])
            raise ConstraintViolated(sentence, ctx=ctx, constraint=self, params=params)


_DRAWN = ~IsSet("resume") & (~IsSet("data") | Equal("data", MOVING_SHAPES))
_RULES: list[tuple[Predicate, list[str], str]] = [
    (
        _DRAWN,
        [
            *("lists", "split", "classes", "shots", "labels", "attributes"),
            *("frames", "rate_fps", "augment", "flip", "grey"),
        ],
        "MovingShapes is drawn, with its own labels, frames and rate, and never augmented: leave "
        "out {option}, or give --data.",
    ),
    (
        _DRAWN & ~IsSet("validate"),
        ["allow_missing"],
        "MovingShapes has no missing clips: leave out {option}, or give --data.",
    ),
    (
        IsSet("data") & ~Equal("data", MOVING_SHAPES),
        ["setting"],
        "{option} applies to MovingShapes only: leave it out, or leave out --data.",
    ),
    (
        IsSet("from_checkpoint"),
        [
            *("backbone", "pretrained", "tokenizer", "interaction", "patch_path"),
            *("projections", "temporal", "frame_weights", "learned_temperature"),
        ],
        "{option} has no effect with --from, which takes the whole network: leave it out.",
    ),
    (
        Equal("augment", value=False),
        ["flip", "grey"],
        "{option} has no effect with --no-augment: leave out one of them.",
    ),
    (
        ~IsSet("resume") & ~IsSet("validate"),
        ["validate_every", "keep_best"],
        "{option} requires --validate: leave it out, or give --validate.",
    ),
    (
        Equal("interaction", "mean") | Equal("interaction", "off"),
        ["patch_path"],
        "{option} has no effect with --interaction mean or off, which ignore patches: leave it "
        "out.",
    ),
]


def refuse_idle_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for condition, names, sentence in reversed(_RULES):
        command = cloup.constraint(_Idle(condition, sentence), names)(command)
    return command
