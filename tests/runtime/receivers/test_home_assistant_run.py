"""A whole run and a real broker, from the first connection to kill -9."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

jinja2 = pytest.importorskip("jinja2.sandbox", reason="Home Assistant's templates are Jinja's")
pytest.importorskip("paho.mqtt.client", reason="pip install '.[sinks]'")
pytestmark = pytest.mark.live

STREAMS = """
[[stream]]
name = "hall"
source = "test://moving-shapes?fps=8"

[[stream]]
name = "yard"
source = "test://moving-shapes?fps=8"
"""
DEVICE = "homeassistant/device/stzsar_one_hall/config"
OFFLINE = {"status": "offline", "streams": {}}


@pytest.fixture
def run(tmp_path):
    """Starts a run on the broker at a port, and ends those that the test did not."""
    (tmp_path / "streams.toml").write_text(STREAMS)
    started = []

    def start_run(port):
        address = f"mqtt://127.0.0.1:{port}/site?client=one"
        command = [
            *(sys.executable, "-m", "stzsar.runtime.command.cli", "--streams"),
            *(tmp_path / "streams.toml", "--events", tmp_path / "events", "--mqtt", address),
            *("--mqtt-discovery", "homeassistant", "--idle", "--events-only", "--quiet"),
            *("--output", tmp_path / "lines.jsonl", "--threads", "1"),
        ]
        with (tmp_path / "said.txt").open("ab") as said:
            process = subprocess.Popen(
                [*map(str, command)],
                stderr=said,
                env={**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")},
            )
        started.append(process)
        return process

    yield start_run
    for process in started:
        process.kill()
        process.wait()


class Home:
    """What Home Assistant would know: it reads the topics that the devices name."""

    def __init__(self, listener):
        self.listener = listener
        self.environment = jinja2.ImmutableSandboxedEnvironment()

    def latest(self, topic):
        return next((text for name, text, _ in reversed(self.listener.got) if name == topic), None)

    def document(self, topic, default="{}"):
        return json.loads(self.latest(topic) or default)

    @property
    def device(self):
        return self.document(DEVICE)

    def _rendered(self, entity, topic):
        text = self.latest(topic)
        template = self.environment.from_string(entity["value_template"])
        return text and template.render(value_json=json.loads(text))

    def state(self, key):
        entity = self.device["components"][key]
        shown = entity.get("availability", self.device["availability"])
        if any(self._rendered(one, one["topic"]) != "online" for one in shown):
            return "unavailable"
        return self._rendered(entity, entity["state_topic"])

    def labels_on(self):
        found = self.device["components"].items()
        sensors = {key: one["name"] for key, one in found if key.startswith("label_")}
        return [name for key, name in sensors.items() if self.state(key) == "ON"]

    def told(self, kind, source="hall"):
        return [json.loads(text) for text in self.listener.payloads(f"site/{source}/{kind}")]

    def send(self, topic, payload):
        self.listener.client.publish(topic, payload, 1)


def test_home_assistant_follows_a_run_from_connect_to_kill(start, until, run, tmp_path):
    broker = start("broker", "allow_anonymous true")
    home = Home(start("listener", broker.port))
    process = run(broker.port)

    until(lambda: home.latest(DEVICE) and home.state("state") == "live")
    assert home.state("armed") == "armed"
    assert home.state("on") == "ON"
    until(lambda: home.state("rate") == "4.0")
    until(lambda: home.labels_on() and home.latest("site/hall/still") and home.told("event"))
    start_event = home.told("event")[0]
    assert start_event["event"] == "start"
    assert start_event["label"] in {one["name"] for one in home.device["components"].values()}
    still = home.latest("site/hall/still")
    assert isinstance(still, bytes)
    picture = cv2.imdecode(np.frombuffer(still, np.uint8), 1)
    assert picture is not None
    assert picture.shape == (256, 256, 3)

    # The switch.
    home.send(home.device["components"]["armed"]["command_topic"], "off")
    until(lambda: home.state("armed") == "off")
    assert home.state("on") == "OFF"
    until(lambda: not home.labels_on())
    until(lambda: home.told("duty") and home.told("duty")[-1]["armed"] is False)
    starts = sum(one["event"] == "start" for one in home.told("event"))
    results, others = len(home.told("result")), len(home.told("result", "yard"))
    until(lambda: len(home.told("result", "yard")) > others + 12)
    assert len(home.told("result")) == results  # nothing was encoded
    home.send("site/armed/set", "armed")  # all of them
    until(lambda: home.state("armed") == "armed")
    until(lambda: sum(one["event"] == "start" for one in home.told("event")) > starts)

    # What is switched off stays so. A command that is no command, and one that was retained, do
    # nothing.
    home.send("site/hall/armed/set", "perhaps")
    home.listener.client.publish("site/yard/armed/set", "off", 1, retain=True)
    home.send("site/hall/armed/set", "off")
    until(lambda: home.state("armed") == "off")
    until(lambda: home.document("site/status/one")["duty"]["yard"]["armed"] is False)
    home.send("site/yard/armed/set", "armed")
    until(lambda: home.document("site/status/one")["duty"]["yard"]["armed"] is True)

    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: home.document("site/status/one") == OFFLINE)
    assert {
        home.state(key) for key in home.device["components"] if key not in ("still", "event")
    } == {"unavailable"}
    late = start("listener", broker.port)
    until(lambda: late.payloads("site/yard/armed/set"))
    retained = {name: text for name, text, is_retained in late.got if is_retained}
    devices = {name for name in retained if name.startswith("homeassistant/")}
    assert devices == {DEVICE, DEVICE.replace("hall", "yard")}
    assert set(retained) - devices == {
        *("site/status/one", "site/hall/still", "site/yard/still", "site/yard/armed/set"),
    }
    assert json.loads(retained["site/status/one"]) == OFFLINE

    run(broker.port)
    until(lambda: home.state("armed") == "off" and home.state("state") == "live")
    assert home.document("site/status/one")["duty"]["yard"]["armed"] is True
    said = Path(tmp_path / "said.txt").read_text()
    assert "armed/set is neither armed nor off" in said
