"""[[sink]] in streams.toml: what it may say, where it is wrong, and that it shows no secret."""

import pytest

from stzsar.runtime.errors import SourceError, StzsarError
from stzsar.runtime.receivers.choose import SinkOptions
from stzsar.runtime.receivers.filters import EVERYTHING, Filter, Filtered
from stzsar.runtime.receivers.home_assistant import Place
from stzsar.runtime.receivers.plans import (
    PASSWORD_VARIABLE,
    SECRET_VARIABLE,
    SinkPlan,
    Told,
    open_plan,
)
from stzsar.runtime.receivers.sinks_file import check_names, read_sinks
from stzsar.runtime.schedule import read_schedules

STREAM = '[[stream]]\nname = "hall"\nsource = "0"\n'
NIGHT = '[[schedule]]\nname = "night"\ntimes = ["22:00-06:00"]\n'


@pytest.fixture
def read(tmp_path):
    def read_text(text, environment=None):
        path = tmp_path / "streams.toml"
        path.write_text(STREAM + NIGHT + text)
        return read_sinks(path, environment or {})

    return read_text


def test_a_sink_has_an_address_and_a_filter(read, tmp_path):
    ntfy, broker = read(
        """
[[sink]]
type = "ntfy"
url = "https://ntfy.sh/${TOPIC}"
still = "attached"
send = ["start", "end"]
streams = ["hall"]
labels = ["waving"]
regions = ["door"]
min_peak = 0.8
min_priority = "high"
schedule = "night"

[[sink]]
type = "mqtt"
url = "mqtts://broker/site"
ca = "ca.pem"
discovery = "homeassistant"
""",
        {"TOPIC": "hunter2"},
    )
    night = read_schedules([{"name": "night", "times": ["22:00-06:00"]}], "f")["night"]
    assert ntfy.url == "https://ntfy.sh/hunter2"
    assert (ntfy.type, ntfy.still) == ("ntfy", "attached")
    assert ntfy.filter == Filter(
        send=("start", "end"),
        streams=("hall",),
        labels=("waving",),
        regions=("door",),
        min_peak=0.8,
        min_priority="high",
        schedule=night,
    )
    assert (broker.ca, broker.discovery) == (tmp_path / "ca.pem", "homeassistant")
    assert broker.filter == Filter()
    assert "hunter2" not in repr(ntfy)


def test_a_link_to_stills_has_variables_too(read):
    text = """
[[sink]]
type = "slack"
url = "https://hooks.example/x"
still = "https://nas.example/${NAS_TOKEN}"
"""
    (slack,) = read(text, {"NAS_TOKEN": "hunter2"})
    assert slack.still == "https://nas.example/hunter2"
    assert "hunter2" not in repr(slack)
    with pytest.raises(SourceError, match=r"The still of sink 1 .* needs the variable NAS_TOKEN"):
        read(text)


def test_people_are_told_of_starts_and_programs_of_everything_but_results(read):
    text = "".join(
        f'[[sink]]\ntype = "{kind}"\nurl = "http://x"\n'
        for kind in ("webhook", "ntfy", "slack", "discord", "apprise")
    )
    webhook, *for_people = read(text)
    assert set(webhook.filter.send) == set(EVERYTHING) - {"results"}
    assert {plan.filter.send for plan in for_people} == {("start", "repeat")}


URL = 'url = "http://me:hunter2@h/hunter2"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (URL, "sink 1 of .*: missing required field type; a .* takes type, url"),
        ('type = "webhook"', "missing required field url"),
        (URL + 'type = "teams"', "type: invalid enum value 'teams'; give one of .* ntfy"),
        (URL + 'type = "ntfy"\nsend = []', "send: expected array of length >= 1"),
        (
            URL + 'type = "ntfy"\nsend = ["stop"]',
            "send 1: invalid enum value 'stop'; give one of .* start",
        ),
        (URL + 'type = "ntfy"\nmin_priority = "top"', "min_priority: .*; give one of .* urgent"),
        (URL + 'type = "ntfy"\nsend = ["results"]', "Sink 1 of .*: A receiver of type ntfy is for"),
        (URL + 'type = "ntfy"\nmin_peak = 1.5', "min_peak: expected float <= 1"),
        (URL + 'type = "ntfy"\nschedule = "day"', "Sink 1 of .*'day'.*there is 'night'"),
        (URL + 'type = "slack"\nstill = "attached"', "Sink 1 of .* in the form slack"),
        (URL + 'type = "mqtt"\nstill = "base64"', "gets a still attached or none"),
        (URL + 'type = "slack"\nsecret = "s"', "secret is for a receiver of type webhook"),
        (URL + 'type = "slack"\nca = "s"', "ca is for a receiver of type mqtt"),
        (URL + 'type = "slack"\ndiscovery = "s"', "discovery is for a receiver of type mqtt"),
        (URL + 'type = "webhook"\nsecret = "a\\u0000"', "secret: it is not the path of a file"),
        ('url = "mqtts://h"\ntype = "mqtt"\nca = "\\u0000"', "ca: it is not the path of a file"),
        ('url = "mqtt://u:hunter2@h"\ntype = "mqtt"\nca = "a"', "Sink 1 of .* as mqtts://"),
        (URL + 'type = "mqtt"\ndiscovery = "a/#"', "first level of topics"),
        (URL + 'type = "mqtt"\ndiscovery = "a"\nsend = ["end"]', "needs start, end and states"),
        (URL + 'type = "ntfy"\ncolour = 1', "unknown field colour"),
        ('url = "http://${GONE}/"\ntype = "ntfy"', "Sink 1 of .* needs the variable GONE"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_without_secrets(read, text, message):
    with pytest.raises(StzsarError, match=message) as refused:
        read(f"[[sink]]\n{text}\n")
    assert "hunter2" not in str(refused.value)


def test_a_sink_that_is_no_list_is_refused(read):
    with pytest.raises(SourceError, match=r"names no sink: begin each with a line \[\[sink\]\]"):
        read('[sink]\ntype = "ntfy"\n')


def test_a_filter_for_what_the_run_does_not_have_is_refused():
    there = {"streams": ["hall"], "regions": ["door"], "labels": ["waving a hand"]}
    for wanted, message in (
        (Filter(streams=("hal",)), "for the stream 'hal'.* 'hall'"),
        (Filter(regions=("doors",)), "for the region 'doors'.* 'door'"),
        (Filter(labels=("waving",)), "for the label 'waving'.* 'waving a hand'"),
    ):
        plan = SinkPlan(type="webhook", url="http://x", wanted=wanted)
        with pytest.raises(StzsarError, match=message):
            check_names([plan], **there)
    fits = Filter(streams=("hall",), regions=("door",), labels=("waving a hand",))
    check_names([SinkPlan(type="webhook", url="http://x", wanted=fits)], **there)


def test_stills_need_what_takes_them():
    plan = SinkPlan(type="ntfy", url="http://x", still="attached")
    with pytest.raises(StzsarError, match="type ntfy that gets stills needs --events DIR"):
        open_plan(plan, Told(environment={}))


def test_only_a_filter_that_holds_something_back_stands_between():
    pytest.importorskip("urllib3")
    run = Told(environment={})
    whole = open_plan(SinkPlan(type="webhook", url="http://x"), run)
    filtered = open_plan(SinkPlan(type="ntfy", url="http://x"), run)
    for sink in (whole, filtered):
        sink.close(1)
    assert not isinstance(whole, Filtered)
    assert isinstance(filtered, Filtered)


def test_options_of_the_command_line_are_receivers_too(tmp_path):
    options = SinkOptions(
        webhook="http://x",
        webhook_form="discord",
        webhook_still="attached",
        notify="json://h",
        mqtt="mqtts://h",
        mqtt_ca=tmp_path / "ca.pem",
        mqtt_discovery="homeassistant",
    )
    assert options.receivers == (
        SinkPlan(type="discord", url="http://x", still="attached", asks_environment=True),
        SinkPlan(type="apprise", url="json://h"),
        SinkPlan(
            type="mqtt",
            url="mqtts://h",
            ca=tmp_path / "ca.pem",
            discovery="homeassistant",
            asks_environment=True,
        ),
    )
    everything = SinkOptions(webhook="http://x", webhook_form="json", webhook_results=True)
    assert everything.receivers[0].filter == Filter()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"webhook_form": "ntfy"}, "--webhook-form requires --webhook"),
        ({"webhook_still": "attached"}, "--webhook-still requires --webhook"),
        ({"mqtt_discovery": "homeassistant"}, "--mqtt-discovery requires --mqtt"),
        ({"webhook": "http://x", "webhook_form": "slack", "webhook_still": "base64"}, "slack"),
        ({"webhook": "http://x", "webhook_form": "slack", "webhook_results": True}, "for people"),
    ],
)
def test_options_that_do_nothing_are_refused(options, message):
    with pytest.raises(StzsarError, match=message):
        SinkOptions(**options)


def test_secrets_of_the_environment_are_for_the_receiver_of_the_command_line(monkeypatch):
    pytest.importorskip("urllib3")
    pytest.importorskip("paho.mqtt.client")
    from stzsar.runtime.receivers import mqtt, webhook

    used = []
    monkeypatch.setattr(webhook, "signing_key", used.append)
    monkeypatch.setattr(mqtt, "Mqtt", lambda _url, *, password, **_more: used.append(password))
    run = Told(environment={PASSWORD_VARIABLE: "for the broker", SECRET_VARIABLE: "for the hook"})
    for asks in (True, False):
        open_plan(SinkPlan(type="webhook", url="http://h", asks_environment=asks), run).close(1)
        open_plan(SinkPlan(type="mqtt", url="mqtt://h", asks_environment=asks), run)
    assert used == ["for the hook", "for the broker", None, None]


def test_home_assistant_hears_of_what_a_filter_lets_through(monkeypatch):
    pytest.importorskip("paho.mqtt.client")
    from stzsar.runtime.receivers import mqtt

    seen = []

    class Broker:
        name = "broker"

        def __init__(self, _url, *, places, **_more):
            seen.extend(places())

    monkeypatch.setattr(mqtt, "Mqtt", Broker)
    wanted = Filter(streams=("hall",), regions=("door",), labels=("waving",))
    plan = SinkPlan(type="mqtt", url="mqtt://h", discovery="homeassistant", wanted=wanted)
    places = (
        Place("hall", "door", ("waving", "archery")),
        Place("hall", "till", ("waving",)),
        Place("yard", "door", ("waving",)),
    )
    open_plan(plan, Told(places=lambda: places, environment={}))
    assert seen == [Place("hall", "door", ("waving",))]
