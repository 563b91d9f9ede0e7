"""`[[sink]]` in streams.toml: who is told, and of what.

    [[sink]]
    type = "ntfy"                          # webhook, ntfy, slack, discord, apprise or mqtt
    url = "https://ntfy.sh/${NTFY_TOPIC}"  # ${NAME} is a variable of the environment
    still = "attached"                     # or "base64", or "https://nas.example/events"
    send = ["start", "repeat"]             # also "end", "states" and "results"
    streams = ["hall"]                     # only of these
    labels = ["climbing a fence"]
    regions = ["door"]
    min_peak = 0.8
    min_priority = "high"
    schedule = "night"                     # the name of a [[schedule]]

    secret = "secret.txt"                  # of a webhook: the file of what signs the posts
    ca = "ca.pem"                          # of mqtt: the authorities of the broker's certificate
    discovery = "homeassistant"            # of mqtt: announces the streams to Home Assistant

`type` and `url` are required.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from ..documents import DocumentError, convert_table
from ..errors import StzsarError
from ..labels.names import nearest_hint
from ..messages import Priority
from ..schedule import Schedule, named_schedule, read_schedules
from ..sources.streams_file import filled, read_document
from .filters import Filter, Kind
from .plans import SinkPlan, SinkType

_Text = Annotated[str, Meta(min_length=1, max_length=4096)]
_Names = Annotated[tuple[_Text, ...], Meta(min_length=1, max_length=1000)]


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[sink]]."""

    type: SinkType
    url: _Text
    still: _Text | None = None
    send: Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=5)] | None = None
    streams: _Names | None = None
    labels: _Names | None = None
    regions: _Names | None = None
    min_peak: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_priority: Priority | None = None
    schedule: _Text | None = None
    secret: _Text | None = None
    ca: _Text | None = None
    discovery: _Text | None = None

    def __post_init__(self) -> None:
        for name in ("secret", "ca"):
            if "\0" in (getattr(self, name) or ""):
                raise ValueError(f"{name}: it is not the path of a file")


def read_sinks(path: Path, environment: Mapping[str, str] | None = None) -> tuple[SinkPlan, ...]:
    """Return the receivers that a file of streams names.

    Args:
        path: the TOML file.
        environment: where to look up `${NAME}`; the process's own if None.

    Raises:
        StzsarError: the file is missing or wrong; the sentence says where, and shows no secret.
    """
    document = read_document(path)
    schedules = read_schedules(document.get("schedule", ()), str(path))
    variables = os.environ if environment is None else environment
    plans = []
    for number, table in enumerate(document.get("sink", ()), start=1):
        place = f"Sink {number} of {path}"
        try:
            found = convert_table(table, _Table, "sink")
        except DocumentError as error:
            raise StzsarError(f"Cannot use sink {number} of {path}: {error}.") from None
        url, still = filled(found.url, place, variables), found.still
        if still is not None:
            still = filled(still, f"The still of sink {number} of {path}", variables)
        plans.append(_plan(found, url, still, place, path.parent, schedules))
    return tuple(plans)


def check_names(
    plans: Iterable[SinkPlan],
    *,
    streams: Iterable[str],
    regions: Iterable[str],
    labels: Iterable[str],
) -> None:
    """Refuse a filter that names what the run does not have, and so lets nothing through.

    Raises:
        StzsarError: there is one.
    """
    known = {"stream": set(streams), "region": set(regions), "label": set(labels)}
    for plan in plans:
        wanted = plan.filter
        named = {"stream": wanted.streams, "region": wanted.regions, "label": wanted.labels}
        for what, names in named.items():
            for name in names:
                if name not in known[what]:
                    raise StzsarError(
                        f"A [[sink]] of type {plan.type} is for the {what} {name!r:.80}, which the "
                        f"run does not have{nearest_hint(name, known[what])}."
                    )


def _plan(
    found: _Table,
    url: str,
    still: str | None,
    place: str,
    folder: Path,
    schedules: Mapping[str, Schedule],
) -> SinkPlan:
    try:
        plan = SinkPlan(
            type=found.type,
            url=url,
            secret=folder / found.secret if found.secret else None,
            ca=folder / found.ca if found.ca else None,
            discovery=found.discovery,
            still=still,
        )
        return replace(
            plan,
            wanted=Filter(
                send=found.send or plan.filter.send,
                streams=found.streams or (),
                labels=found.labels or (),
                regions=found.regions or (),
                min_peak=found.min_peak or 0.0,
                min_priority=found.min_priority or "low",
                schedule=named_schedule(found.schedule, schedules, place)
                if found.schedule
                else None,
            ),
        )
    except StzsarError as error:
        sentence = str(error)
        raise StzsarError(sentence if place in sentence else f"{place}: {sentence}") from None
