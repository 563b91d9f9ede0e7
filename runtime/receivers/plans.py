"""Receivers of messages: what a run is to tell whom, from the command line or streams.toml."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ..documents import read_file
from ..duty import Duties
from ..errors import StzsarError
from ..sinks.sink import Sink
from ..sinks.stills import StillOf, no_still
from .filters import EVERYTHING, Filter, Filtered
from .forms import Form, check_still
from .home_assistant import DEFAULT_DISCOVERY, Place

SECRET_VARIABLE = "STZSAR_WEBHOOK_SECRET"
PASSWORD_VARIABLE = "STZSAR_MQTT_PASSWORD"
MAX_SECRET_BYTES = 4096

SinkType = Literal["webhook", "ntfy", "slack", "discord", "apprise", "mqtt"]
_FORMS: dict[SinkType, Form] = {
    "webhook": "json",
    "ntfy": "ntfy",
    "slack": "slack",
    "discord": "discord",
}
# What people are told, where nobody says otherwise; programs are told everything.
_FOR_PEOPLE = Filter(send=("start", "repeat"))
_NO_RESULTS = Filter(send=tuple(kind for kind in EVERYTHING if kind != "results"))


@dataclass(frozen=True, kw_only=True)
class SinkPlan:
    """One receiver.

    Attributes:
        type: what it is.
        url: its address; may hold a secret, so it is not printed.
        secret: file of the secret that signs the posts of a webhook.
        ca: file of the authorities that verify a broker's certificate.
        discovery: the first level of Home Assistant's discovery topics; None announces nothing.
        still: how an event's picture is sent: "attached", "base64" or the base of an address, which
            may hold a secret, too.
        wanted: what it gets; None is the type's default.
        asks_environment: whether variables may hold its secrets. Only for the one that the command
            line names: a password for one broker is no other's business.
    """

    type: SinkType
    url: str = field(repr=False)
    secret: Path | None = None
    ca: Path | None = None
    discovery: str | None = None
    still: str | None = field(default=None, repr=False)
    wanted: Filter | None = None
    asks_environment: bool = False

    def __post_init__(self) -> None:
        """Refuse what a receiver of this type does not know.

        Raises:
            StzsarError: an option has no effect.
        """
        for name, given, taker in (
            ("secret", self.secret, "webhook"),
            ("ca", self.ca, "mqtt"),
            ("discovery", self.discovery, "mqtt"),
        ):
            if given and self.type != taker:
                raise StzsarError(
                    f"{name} is for a receiver of type {taker}, and this one is {self.type}: leave "
                    "it out."
                )
        if self.ca and not self.url.lower().startswith("mqtts://"):
            raise StzsarError(
                "A file of authorities (ca, --mqtt-ca) needs a broker with TLS: write its address "
                "as mqtts://."
            )
        if self.discovery and not re.fullmatch(r"[\w.-]+(/[\w.-]+)*", self.discovery):
            raise StzsarError(
                f"Discovery needs the first level of topics, such as {DEFAULT_DISCOVERY}, not "
                f"{self.discovery!r:.80}."
            )
        if self.discovery and not {"start", "end", "states"} <= set(self.filter.send):
            raise StzsarError(
                "Home Assistant needs start, end and states to know what goes on: send these, too."
            )
        if self.type in _FORMS:
            check_still(_FORMS[self.type], self.still)
        elif self.still not in (None, "attached"):
            raise StzsarError(
                f"A receiver of type {self.type} gets a still attached or none: give attached."
            )
        if self.type not in ("webhook", "mqtt") and "results" in self.filter.send:
            raise StzsarError(
                f"A receiver of type {self.type} is for people, and there are some results a "
                "second: leave them out."
            )

    @property
    def filter(self) -> Filter:
        """What it gets."""
        if self.wanted is not None:
            return self.wanted
        if self.type == "mqtt":
            return Filter()
        return _NO_RESULTS if self.type == "webhook" else _FOR_PEOPLE


@dataclass(frozen=True, kw_only=True)
class Told:
    """What receivers may need of a run.

    Attributes:
        still_of: has the pictures of events; None where nothing keeps them.
        duties: the streams that may be switched on and off; None where there are none.
        places: returns the live streams and regions with their labels now.
        environment: may hold secrets.
    """

    still_of: StillOf | None = None
    duties: Duties | None = None
    places: Callable[[], tuple[Place, ...]] = tuple
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)


def open_plan(plan: SinkPlan, run: Told) -> Sink:
    """Open the sink of a receiver.

    Raises:
        StzsarError: it cannot be used.
    """
    if plan.still and run.still_of is None:
        raise StzsarError(
            f"A receiver of type {plan.type} that gets stills needs --events DIR, which takes "
            "them: give that too."
        )
    sink = _opened(plan, run)
    # A webhook leaves results out by itself.
    lets_all_through = plan.filter == (_NO_RESULTS if plan.type == "webhook" else Filter())
    return sink if lets_all_through else Filtered(sink, plan.filter)


def _opened(plan: SinkPlan, run: Told) -> Sink:
    still_of = run.still_of or no_still
    if plan.type == "mqtt":
        from .mqtt import Mqtt

        return Mqtt(
            plan.url,
            password=run.environment.get(PASSWORD_VARIABLE) if plan.asks_environment else None,
            ca_file=plan.ca,
            duties=run.duties,
            discovery=plan.discovery,
            places=lambda: tuple(_wanted(run.places(), plan.filter)),
            still_of=run.still_of if plan.still or plan.discovery else None,
        )
    if plan.type == "apprise":
        from .notify import Notify

        return Notify(plan.url, still_of=still_of if plan.still else None)
    from .webhook import Webhook

    return Webhook(
        plan.url,
        secret=_secret(plan, run.environment),
        results="results" in plan.filter.send,
        form=_FORMS[plan.type],
        still=plan.still,
        still_of=still_of,
    )


def _wanted(places: Iterable[Place], wanted: Filter) -> Iterator[Place]:
    """Yield places with the labels that a filter lets through."""
    for place in places:
        if wanted.takes_stream(place.source) and wanted.takes_region(place.region):
            yield replace(place, labels=tuple(filter(wanted.takes_label, place.labels)))


def _secret(plan: SinkPlan, environment: Mapping[str, str]) -> str | None:
    if plan.secret is None:
        of_options = plan.asks_environment and plan.type == "webhook"
        return environment.get(SECRET_VARIABLE) if of_options else None
    try:
        return read_file(plan.secret, MAX_SECRET_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise StzsarError(
            f"The webhook's secret {plan.secret} cannot be read: {reason}."
        ) from error
