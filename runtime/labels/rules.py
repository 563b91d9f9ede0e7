"""Rules for some labels of some streams: how long, how often and how urgent their events are.

[[rule]]                          # in streams.toml
labels = ["climbing a fence"]
streams = ["hall", "yard/gate"]   # a stream, or one of its regions; all, if left out
min_length = 2                    # shorter actions are not events
cool_down = 60                    # an action goes on across shorter pauses
repeat = 300                      # one that goes on is told again so often
priority = "high"                 # "low", "normal", "high" or "urgent"
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta, Struct

from ..documents import DocumentError, convert_table
from ..errors import LabelError, StzsarError
from ..messages import PRIORITIES, Priority
from .names import nearest_hint

_DAY_S = 86_400
_Name = Annotated[str, Meta(min_length=1, max_length=1000)]
_Names = Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=1000)]
_Seconds = Annotated[float, Meta(ge=0, le=_DAY_S)]


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """What the events of one label need; None takes what all labels have.

    Attributes:
        min_length_s: the shortest action that is an event, in seconds.
        cool_down_s: the shortest pause that ends an action, in seconds.
        repeat_s: how often an action that goes on is told again, in seconds; None never does.
        priority: how urgent its events are; None is "normal", and left out of messages.
    """

    min_length_s: float | None = None
    cool_down_s: float | None = None
    repeat_s: float | None = None
    priority: Priority | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing.

        Raises:
            StzsarError: a time or the priority is out of its range.
        """
        for name, seconds in (
            ("minimum length", self.min_length_s),
            ("pause", self.cool_down_s),
            ("time until it is told again", self.repeat_s),
        ):
            if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
                raise StzsarError(f"A rule's {name} is {seconds!r}: give 0 or more seconds.")
        if self.repeat_s == 0:
            raise StzsarError("A rule's time until it is told again is 0: give more seconds.")
        if self.priority is not None and self.priority not in PRIORITIES:
            raise StzsarError(
                f"A rule's priority is {self.priority!r:.80}: give one of {', '.join(PRIORITIES)}."
            )

    def over(self, general: "LabelRule") -> "LabelRule":
        """Return this rule with what it leaves open taken from a more general one."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return dataclasses.replace(
            general, **{name: value for name, value in own.items() if value is not None}
        )


class _Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[rule]]."""

    labels: _Names
    streams: _Names | None = None
    min_length: _Seconds | None = None
    cool_down: _Seconds | None = None
    repeat: Annotated[float, Meta(ge=1, le=_DAY_S)] | None = None
    priority: Priority | None = None

    @property
    def rule(self) -> LabelRule:
        return LabelRule(
            min_length_s=self.min_length,
            cool_down_s=self.cool_down,
            repeat_s=self.repeat,
            priority=self.priority,
        )


class LabelRules:
    """The rules of a file, for any stream."""

    def __init__(self, tables: Iterable[object] = (), *, file: str = "") -> None:
        """Read the tables `[[rule]]` of a file.

        Raises:
            LabelError: one is not as it should be; the sentence says which.
        """
        self._rules: list[_Rule] = []
        self._file = file
        for number, table in enumerate(tables, start=1):
            try:
                rule = convert_table(table, _Rule, "rule")
            except DocumentError as error:
                raise LabelError(f"Cannot use rule {number} of {file}: {error}.") from None
            if rule.rule == LabelRule():
                raise LabelError(
                    f"Rule {number} of {file} changes nothing: give it a min_length, a cool_down, "
                    "a repeat or a priority."
                )
            self._rules.append(rule)

    def of(self, *names: str) -> dict[str, LabelRule]:
        """Return the rules by label of a stream or a region, which `names` call; later ones win."""
        found: dict[str, LabelRule] = {}
        for rule in self._rules:
            if rule.streams is None or set(rule.streams) & set(names):
                for label in rule.labels:
                    found[label] = rule.rule.over(found.get(label, LabelRule()))
        return found

    def check_streams(self, known: Iterable[str]) -> None:
        """Refuse a rule for a stream that is not in the file.

        Raises:
            LabelError: there is one.
        """
        names = set(known)
        for number, rule in enumerate(self._rules, start=1):
            for name in rule.streams or ():
                if name not in names:
                    raise LabelError(
                        f"Rule {number} of {self._file} is for the stream {name!r:.80}, which the "
                        f"file does not have{nearest_hint(name, names)}."
                    )


def check_rules(rules: Iterable[Mapping[str, LabelRule]], labels: Iterable[str]) -> None:
    """Refuse a rule for a label that no stream has.

    Raises:
        LabelError: there is one.
    """
    known = set(labels)
    for label in (label for own in rules for label in own):
        if label not in known:
            raise LabelError(
                f"A [[rule]] is for the label {label!r:.80}, which no stream "
                f"has{nearest_hint(label, known)}."
            )
