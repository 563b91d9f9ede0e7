"""Home Assistant's discovery: what is announced, that it obeys the documents, and what states say.

KEYS are from Home Assistant's own pages of the MQTT platforms (home-assistant.io, `source/
_integrations/*.mqtt.markdown`) and from the schema of devices in its code
(`homeassistant/components/mqtt/schemas.py`, 0f5c1b5).
"""

import json
import re

import pytest

from stzsar.runtime.receivers.home_assistant import MAX_LABELS, Discovery, Place
from stzsar.runtime.receivers.mqtt_status import OFFLINE
from stzsar.runtime.receivers.mqtt_topics import Address, StreamTopics
from stzsar.runtime.results import ActionEvent, to_json

jinja2 = pytest.importorskip("jinja2.sandbox", reason="Home Assistant's templates are Jinja's")

ENTITY = {
    *("platform", "unique_id", "name", "icon", "entity_category", "device_class", "qos"),
    *("availability", "availability_mode", "enabled_by_default", "encoding"),
}
# Required and optional keys, beside those of every entity.
KEYS: dict[str, tuple[set[str], set[str]]] = {
    "binary_sensor": (
        {"state_topic"},
        {"value_template", "payload_on", "payload_off", "expire_after", "off_delay"},
    ),
    "event": ({"state_topic", "event_types"}, {"value_template"}),
    "image": ({"image_topic"}, {"content_type", "image_encoding"}),
    "sensor": (
        {"state_topic"},
        {"value_template", "unit_of_measurement", "state_class", "options", "expire_after"},
    ),
    "switch": (
        {"command_topic"},
        {
            *("state_topic", "value_template", "payload_on", "payload_off", "state_on"),
            *("state_off", "optimistic", "retain"),
        },
    ),
}
DEVICE = {
    *("identifiers", "connections", "name", "manufacturer", "model", "sw_version", "hw_version"),
    *("serial_number", "suggested_area", "via_device", "configuration_url"),
}
TOPICS = StreamTopics(Address.parse("mqtt://broker/site?client=one"))
ODD = 'a "quoted" \\ label {{ x }} Íjászat 🙂'
HALL = Place("hall", None, ("waving", ODD))


def announced(*places, armable=True, stills=True):
    discovery = Discovery("homeassistant", TOPICS, armable=armable, stills=stills)
    return {topic: json.loads(text) for topic, text in discovery.documents(places).items()}


def components(*places, **more):
    (document,) = announced(*places, **more).values()
    return document["components"]


def rendered(template, payload):
    environment = jinja2.ImmutableSandboxedEnvironment()
    return environment.from_string(template).render(value_json=json.loads(payload))


def status(**more):
    return json.dumps({"status": "online", "streams": {"hall": "live"}, **more})


def test_every_document_obeys_the_schema():
    places = (HALL, Place("yard/ű", "door", ("waving",)), Place("yard/ű", "till", ("paying",)))
    documents = announced(*places)
    assert len(documents) == 2
    for topic, document in documents.items():
        assert re.fullmatch("homeassistant/device/[a-zA-Z0-9_-]+/config", topic)
        assert set(document) == {"device", "origin", "availability", "components"}
        assert set(document["device"]) <= DEVICE
        assert document["device"]["identifiers"]
        assert set(document["origin"]) == {"name", "sw_version"}
        (available,) = document["availability"]
        assert set(available) == {"topic", "value_template"}
        for key, entity in document["components"].items():
            assert re.fullmatch("[a-zA-Z0-9_-]+", key)
            required, optional = KEYS[entity["platform"]]
            assert required <= set(entity) <= ENTITY | required | optional, key
            for name in (name for name in entity if name.endswith("_topic")):
                assert not set(entity[name]) & set("+#\0")
    ids = [one["unique_id"] for own in documents.values() for one in own["components"].values()]
    assert len(ids) == len(set(ids))


def test_a_stream_is_a_device_with_all_of_its_entities():
    found = components(HALL)
    kinds = [(one["platform"], one["name"]) for one in found.values()]
    assert sorted(kinds) == sorted(
        [
            *(("event", "Action"), ("sensor", "State"), ("sensor", "Rate")),
            *(("binary_sensor", "waving"), ("binary_sensor", ODD)),
            *(("switch", "Armed"), ("binary_sensor", "On duty"), ("image", "Latest event")),
        ]
    )
    assert found["state"]["options"] == ["connecting", "live", "stalled", "lost", "ended"]
    assert found["event"]["state_topic"] == "site/hall/event"
    assert found["still"]["image_topic"] == "site/hall/still"
    assert found["armed"]["command_topic"] == "site/hall/armed/set"
    fewer = components(HALL, armable=False, stills=False)
    assert {"armed", "on", "still"}.isdisjoint(fewer)


def test_regions_have_sensors_of_their_own_in_one_device():
    places = (Place("hall", "door", ("waving",)), Place("hall", "till", ("waving", "paying")))
    names = [one["name"] for one in components(*places).values()]
    assert {"door: waving", "till: waving", "till: paying", "door: Rate", "till: Rate"} <= set(
        names
    )
    assert len(names) == len(set(names))


def test_a_label_is_on_while_its_action_goes_on_and_unknown_while_nobody_looks():
    found = components(HALL)
    by_name = {one["name"]: one for one in found.values()}
    for label, other in (("waving", ODD), (ODD, "waving")):
        sensor = by_name[label]
        (available,) = sensor["availability"]

        def state(payload, sensor=sensor):
            return rendered(sensor["value_template"], payload)

        def seen(payload, available=available):
            return rendered(available["value_template"], payload)

        assert state(status(actions={"hall": label})) == "ON"
        assert state(status(actions={"hall": other})) == "OFF"
        assert state(status(actions={"yard": label})) == "OFF"
        assert state(status()) == state(OFFLINE) == "OFF"
        assert seen(status()) == "online"
        assert seen(status(streams={"hall": "lost"})) == seen(OFFLINE) == "offline"


def test_sensors_read_the_status_and_have_a_value_in_every_case():
    found = components(HALL)
    state, rate = (found[name]["value_template"] for name in ("state", "rate"))
    assert rendered(state, status()) == "live"
    assert rendered(state, OFFLINE) == "connecting"
    assert rendered(rate, status(rates={"hall": 3.5})) == "3.5"
    assert rendered(rate, status()) == "None"  # which Home Assistant takes for unknown
    armed, on = (found[name]["value_template"] for name in ("armed", "on"))
    duty = {"hall": {"armed": True, "on": False}}
    assert (rendered(armed, status(duty=duty)), rendered(on, status(duty=duty))) == ("armed", "OFF")
    assert (rendered(armed, status()), rendered(on, status())) == ("off", "OFF")
    assert found["armed"]["payload_on"] == "armed"
    assert found["armed"]["payload_off"] == "off"
    (document,) = announced(HALL).values()
    (available,) = document["availability"]
    assert rendered(available["value_template"], status()) == "online"
    assert rendered(available["value_template"], OFFLINE) == "offline"


def test_an_event_has_one_of_the_types_that_were_announced():
    entity = components(HALL)["event"]
    for kind in ("start", "repeat", "end"):
        event = ActionEvent(kind, "hall", ODD, 1.0, 1e9, 0.8, 1.0, "door", "high")
        told = json.loads(rendered(entity["value_template"], to_json(event)))
        assert told["event_type"] == kind
        assert kind in entity["event_types"]
        assert (told["label"], told["region"], told["priority"]) == (ODD, "door", "high")


def test_labels_that_are_gone_are_removed_from_the_device():
    discovery = Discovery("homeassistant", TOPICS, armable=False, stills=False)
    discovery.documents([HALL])
    (text,) = discovery.documents([Place("hall", None, ("waving", "archery"))]).values()
    found = json.loads(text)["components"]
    gone = [one for one in found.values() if set(one) == {"platform"}]
    assert gone == [{"platform": "binary_sensor"}]
    assert {one.get("name") for one in found.values()} >= {"waving", "archery"}
    assert ODD not in {one.get("name") for one in found.values()}


def test_too_many_labels_are_said_and_no_sensors(caplog):
    labels = tuple(f"label {number}" for number in range(MAX_LABELS + 5))
    found = components(Place("hall", None, labels))
    names = [one["name"] for one in found.values() if one["name"].startswith("label")]
    assert len(names) == MAX_LABELS
    assert f"it gets {MAX_LABELS}" in caplog.text


def test_streams_that_look_alike_are_different_devices():
    places = [Place(name, None, ()) for name in ("a/b", "a b", "a_b", "ü", "ö", "x" * 500)]
    assert len(announced(*places)) == len(places)
