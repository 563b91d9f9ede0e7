"""The streams of a run as devices of Home Assistant, found by MQTT discovery.

`<discovery>/device/stzsar_<client>_<stream>/config`, retained, is a device for each live stream:

    binary_sensor   an action of a stream or region goes on: one for each label
    event           an action started, was told again, or ended
    image           the picture of the latest event, where --events keeps them
    sensor          the stream's state, and the rate at which it is looked at
    binary_sensor   whether the stream makes events now: it is armed and within its schedule
    switch          whether it is armed

All of them read the run's retained status, so that none has a state when the run is gone.
"""

import hashlib
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from ... import __version__
from ..messages import StreamCondition
from .mqtt_topics import StreamTopics

log = logging.getLogger(__name__)

DEFAULT_DISCOVERY = "homeassistant"
# Home Assistant keeps a state for each label; more are no sensors, but events still.
MAX_LABELS = 200


@dataclass(frozen=True)
class Place:
    """A live stream or a region of it, with what it looks for.

    Attributes:
        source: the stream.
        region: its region; None is the whole picture.
        labels: the names of its labels.
    """

    source: str
    region: str | None
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the status calls it."""
        return f"{self.source}/{self.region}" if self.region else self.source


class Discovery:
    """The documents of a run's devices."""

    def __init__(self, prefix: str, topics: StreamTopics, *, armable: bool, stills: bool) -> None:
        """Prepare the documents.

        Args:
            prefix: the first level of their topics.
            topics: those of the run.
            armable: streams can be switched on and off.
            stills: events have pictures.
        """
        self._prefix, self._topics = prefix, topics
        self._armable, self._stills = armable, stills
        self._platforms: dict[str, dict[str, str]] = {}
        self._too_many_is_said = False

    def documents(self, places: Sequence[Place]) -> dict[str, str]:
        """Return the document of each device by its topic.

        One that had other labels before says which entities are gone.
        """
        found: dict[str, str] = {}
        for source in dict.fromkeys(place.source for place in places):
            own = [place for place in places if place.source == source]
            device = _identifier(f"stzsar_{self._topics.client}", source)
            components = self._components(source, own, device)
            self._warn(source, own)
            before = self._platforms.get(source, {})
            gone = {name: {"platform": kind} for name, kind in before.items()}
            self._platforms[source] = before | {k: v["platform"] for k, v in components.items()}
            document = {
                "device": {
                    "identifiers": [device],
                    "name": source,
                    "manufacturer": "stzsar",
                    "model": "Action recognition",
                    "sw_version": __version__,
                },
                "origin": {"name": "stzsar", "sw_version": __version__},
                "availability": [
                    {"topic": self._topics.status, "value_template": "{{ value_json.status }}"}
                ],
                "components": gone | components,
            }
            topic = f"{self._prefix}/device/{device}/config"
            found[topic] = json.dumps(document, ensure_ascii=False)
        return found

    def _warn(self, source: str, places: Sequence[Place]) -> None:
        most = MAX_LABELS // len(places)
        if not self._too_many_is_said and any(len(place.labels) > most for place in places):
            self._too_many_is_said = True
            log.warning(
                "%s has too many labels for a sensor each in Home Assistant: it gets %d, and all "
                "of them as events.",
                source,
                most,
            )

    def _components(
        self, source: str, places: Sequence[Place], device: str
    ) -> dict[str, dict[str, Any]]:
        status = {"state_topic": self._topics.status}
        name = _quoted(source)
        entities: dict[str, dict[str, Any]] = {
            "event": {
                "platform": "event",
                "name": "Action",
                "icon": "mdi:run",
                "state_topic": self._topics.of(source, "event"),
                "event_types": ["start", "repeat", "end"],
                "value_template": "{{ dict(value_json, event_type=value_json.event) | tojson }}",
            },
            "state": {
                "platform": "sensor",
                "name": "State",
                "icon": "mdi:cctv",
                "entity_category": "diagnostic",
                "device_class": "enum",
                "options": list(get_args(StreamCondition)),
                "value_template": f"{{{{ {_of('streams', name)} | default('connecting', true) }}}}",
                **status,
            },
        }
        for place in places:
            entities |= self._of_place(place, len(places))
        if self._armable:
            entities |= self._duty(source, name)
        if self._stills:
            entities["still"] = {
                "platform": "image",
                "name": "Latest event",
                "image_topic": self._topics.of(source, "still"),
                "content_type": "image/jpeg",
            }
        return {key: {"unique_id": f"{device}_{key}", **own} for key, own in entities.items()}

    def _of_place(self, place: Place, places: int) -> dict[str, dict[str, Any]]:
        """Return the rate of a stream or a region, and a sensor for each of its labels."""
        where, before = _quoted(place.name), f"{place.region}: " if place.region else ""
        live = f"{_of('streams', _quoted(place.source))} == 'live'"
        status = self._topics.status
        shown = MAX_LABELS // places
        return {
            _identifier("rate", place.region or ""): {
                "platform": "sensor",
                "name": f"{before}Rate",
                "icon": "mdi:speedometer",
                "entity_category": "diagnostic",
                "state_class": "measurement",
                "unit_of_measurement": "fps",
                "state_topic": status,
                "value_template": f"{{{{ {_of('rates', where)} }}}}",
            },
            **{
                _identifier("label", f"{place.region or ''}/{label}"): {
                    "platform": "binary_sensor",
                    "name": before + label,
                    "icon": "mdi:run",
                    "state_topic": status,
                    "value_template": f"{{{{ 'ON' if {_of('actions', where)} == {_quoted(label)} "
                    "else 'OFF' }}",
                    # While nobody looks, it is not known whether it goes on.
                    "availability": [
                        {
                            "topic": status,
                            "value_template": f"{{{{ 'online' if {live} else 'offline' }}}}",
                        }
                    ],
                }
                for label in place.labels[:shown]
            },
        }

    def _duty(self, source: str, name: str) -> dict[str, dict[str, Any]]:
        status = self._topics.status
        duty = f"value_json.get('duty', {{}}).get({name}, {{}})"
        return {
            "armed": {
                "platform": "switch",
                "name": "Armed",
                "icon": "mdi:shield",
                "state_topic": status,
                "value_template": f"{{{{ 'armed' if {duty}.get('armed') else 'off' }}}}",
                "command_topic": self._topics.of(source, "armed/set"),
                "payload_on": "armed",
                "payload_off": "off",
                "optimistic": False,
            },
            "on": {
                "platform": "binary_sensor",
                "name": "On duty",
                "icon": "mdi:calendar-clock",
                "entity_category": "diagnostic",
                "state_topic": status,
                "value_template": f"{{{{ 'ON' if {duty}.get('on') else 'OFF' }}}}",
            },
        }


def _of(what: str, quoted: str) -> str:
    """Return the expression of a value of the status."""
    return f"value_json.get('{what}', {{}}).get({quoted})"


def _quoted(text: str) -> str:
    """Return a text as a string of Jinja, which has the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _identifier(before: str, name: str) -> str:
    """Return a name for topics and keys: letters, digits, - and _; no two names share one."""
    plain = re.sub(r"[^a-zA-Z0-9_-]+", "_", f"{before}_{name}" if name else before).strip("_")[:80]
    if plain == f"{before}_{name}" or not name:
        return plain
    return f"{plain}_{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"
