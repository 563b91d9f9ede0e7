"""Receivers of posts and brokers, for the tests of what sends to them."""

import http.server
import json
import shutil
import socket
import subprocess
import threading
import time
from typing import Any

import pytest

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


class Receiver(http.server.ThreadingHTTPServer):
    """Answers from a script of (status, headers), then with 200; keeps what it got."""

    daemon_threads = True

    def __init__(self, *script, port=0):
        super().__init__(("127.0.0.1", port), _Handler)
        self.script, self.got = list(script), []
        self.connections = 0
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.server_address[1]

    def url(self, rest="/hook"):
        return f"http://127.0.0.1:{self.port}{rest}"

    def numbers(self):
        """The times of the events that it got."""
        return [json.loads(request["body"])["time_s"] for request in self.got]

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address): ...


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.receiver.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.got.append({"path": self.path, "headers": self.headers, "body": body})
        status, headers = self.receiver.script.pop(0) if self.receiver.script else (200, {})
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    @property
    def receiver(self) -> Any:
        return self.server

    def log_request(self, code="-", size="-"): ...


@pytest.fixture
def open_receiver():
    """The class, as test files cannot import it."""
    return Receiver


@pytest.fixture
def receiver():
    """One that answers 200."""
    with Receiver() as running:
        yield running


def _until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _text(payload):
    """A payload as text; that of a picture stays bytes."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return payload


@pytest.fixture
def until():
    """Wait for a condition, for a minute at most."""
    return _until


class Broker:
    """A mosquitto of the test's own, which forgets everything when it ends."""

    def __init__(self, folder, *lines):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as reserved:
            self.port = reserved.getsockname()[1]
        self.config = folder / "mosquitto.conf"
        # It gives up root's rights, with which alone the test's folder can be read.
        settings = [f"listener {self.port} 127.0.0.1", *lines, "user root"]
        self.config.write_text("\n".join([*settings, ""]))
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [str(MOSQUITTO), "-c", self.config],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _until(self.answers)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self):
        assert self.process is not None
        self.process.kill()
        self.process.wait()


class Listener:
    """Subscribes to everything; `got` has (topic, payload, retained)."""

    def __init__(self, port, *, user=None, password=None, ca_file=None):
        self.got = []
        self.ready = False
        paho = pytest.importorskip("paho.mqtt.client", reason="pip install '.[sinks]'")
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        if user:
            self.client.username_pw_set(user, password)
        if ca_file:
            self.client.tls_set(str(ca_file))
        self.client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.client.on_message = lambda _client, _data, message: self.got.append(
            (message.topic, _text(message.payload), message.retain)
        )
        self.client.connect_async("localhost", port)
        self.client.loop_start()
        _until(lambda: self.ready)

    def payloads(self, topic):
        return [payload for found, payload, _ in self.got if found == topic]

    def statuses(self, client):
        return [json.loads(text) for text in self.payloads(f"site/status/{client}")]

    def times(self):
        return [json.loads(payload)["time_s"] for payload in self.payloads("site/gate/event")]

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def start(tmp_path):
    """Starts brokers and listeners, and ends them."""
    if not MOSQUITTO:
        pytest.skip("apt install mosquitto")
    running = []

    def make(kind, *arguments, **options):
        if kind == "broker":
            started = Broker(tmp_path, *arguments, **options)
            running.append(started.kill)
        else:
            started = Listener(*arguments, **options)
            running.append(started.stop)
        return started

    yield make
    for end in reversed(running):
        end()
