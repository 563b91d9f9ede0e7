import json
import logging
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from stzsar.runtime.backoff import Backoff
from stzsar.runtime.duty import Duties
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.receivers import mqtt
from stzsar.runtime.receivers.mqtt import Mqtt
from stzsar.runtime.results import ActionEvent, Overload, Recognition, Score, StreamState

paho = pytest.importorskip("paho.mqtt.client", reason="pip install '.[sinks]'")
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")


def result(source="gate", label="red"):
    return Recognition(source, 0.0, 1.0, 4, (Score(label, 0.75, 0.5),))


def event(number, source="gate"):
    return ActionEvent("start", source, "red", float(number), 1e9, 0.75, 0.5)


def state(condition, source="gate"):
    return StreamState(source, condition, "", 1e9)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


OFFLINE = {"status": "offline", "streams": {}}
# After a start without an end, which `event` is.
LIVE = {"status": "online", "streams": {"gate": "live"}, "actions": {"gate": "red"}}


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.WARNING, logger="stzsar")
    return lambda: [record.getMessage() for record in caplog.records]


def test_every_message_has_its_topic_and_the_status_is_retained(start, said):
    broker = start("broker", "allow_anonymous true")
    listener = start("listener", broker.port)
    sink = Mqtt(f"mqtt://127.0.0.1:{broker.port}/site?client=one")
    for message in (state("live"), result(), event(0), Overload(0.5, 1e9)):
        sink.put(message)
    until(lambda: sink.counters.delivered == 4)
    late = start("listener", broker.port)
    until(lambda: late.got)
    sink.close(30)
    until(lambda: listener.statuses("one")[-1] == OFFLINE)

    kinds = {topic: json.loads(text).get("type") for topic, text, _ in listener.got}
    assert kinds == {
        "site/gate/state": "stream",
        "site/gate/result": "result",
        "site/gate/event": "event",
        "site/overload/one": "overload",
        "site/status/one": None,
    }
    assert late.got[0][::2] == ("site/status/one", True)
    assert late.statuses("one")[0] == LIVE
    assert sink.counters.delivered == 4
    assert said() == []


def test_a_brokers_user_and_password_are_used_and_never_shown(start, said, tmp_path):
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, "me", "p@ss/wörd"], check=True)
    passwords.chmod(0o600)
    broker = start("broker", "allow_anonymous false", f"password_file {passwords}")
    listener = start("listener", broker.port, user="me", password="p@ss/wörd")
    host = f"127.0.0.1:{broker.port}"
    address = f"{host}/site"
    in_url = Mqtt(f"mqtt://me:p%40ss%2Fw%C3%B6rd@{address}")
    beside_it = Mqtt(f"mqtt://me@{address}", password="p@ss/wörd")
    for sink in (in_url, beside_it):
        sink.put(event(1))
    until(lambda: listener.times() == [1, 1])
    assert said() == []

    wrong = Mqtt(f"mqtt://me:hunter2@{address}")
    wrong.put(event(2))
    until(said)
    for sink in (in_url, beside_it, wrong):
        sink.close(1)

    assert said()[0] == (
        f"mqtt://{host}: the broker refuses the connection: Not authorized "
        "(check the user and the password); the run goes on."
    )
    assert listener.times() == [1, 1]
    assert wrong.counters.dropped == 1
    for text in (*said(), wrong.name, in_url.name):
        assert not any(secret in text for secret in ("hunter2", "p@ss", "p%40", "me:"))


def make_authority(folder):
    """A CA and a certificate of it for localhost, made with openssl."""

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    if not shutil.which("openssl"):
        pytest.skip("apt install openssl")
    new_key = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=our CA")
    signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:localhost")
    subject = ("-subj", "/CN=localhost", "-addext", "basicConstraints=CA:FALSE")
    openssl("req", "-x509", *new_key, "-keyout", "b.key", "-out", "b.pem", *subject, *signed_by)
    return folder / "ca.pem"


def test_tls_is_verified_with_the_authority_that_is_named(start, said, caplog, tmp_path):
    ca_file = make_authority(tmp_path)
    files = (f"certfile {tmp_path}/b.pem", f"keyfile {tmp_path}/b.key")
    broker = start("broker", "allow_anonymous true", *files)
    listener = start("listener", broker.port, ca_file=ca_file)

    trusting = Mqtt(f"mqtts://localhost:{broker.port}/site", ca_file=ca_file)
    trusting.put(event(1))
    until(lambda: listener.times() == [1])
    trusting.close(30)
    assert said() == []
    # Another name for the same broker, and one whose authority nobody knows.
    for host, chosen in (("127.0.0.1", ca_file), ("localhost", None)):
        sink = Mqtt(f"mqtts://{host}:{broker.port}/site", ca_file=chosen)
        sink.put(event(2))
        until(said)
        sink.close(0.1)
        assert "the broker cannot be reached" in said()[0]
        assert sink.counters.delivered == 0
        caplog.clear()
    assert listener.times() == [1]


@pytest.mark.live
def test_a_broker_that_is_killed_and_restarted_misses_no_event_and_gets_the_status_again(
    start, said
):
    broker = start("broker", "allow_anonymous true")
    listener = start("listener", broker.port)
    sink = Mqtt(f"mqtt://127.0.0.1:{broker.port}/site?client=one")
    sink.put(state("live"))
    sent = 0

    def send_some():
        nonlocal sent
        for _ in range(20):
            sink.put(event(sent))
            sink.put(result())
            sent += 1
            time.sleep(0.002)

    send_some()
    broker.kill()
    send_some()
    until(said)
    listener.ready = False
    broker.start()
    until(lambda: listener.ready)
    send_some()
    until(lambda: set(listener.times()) >= set(range(20, sent)))
    until(lambda: sink.counters.delivered >= sent)
    late = start("listener", broker.port)
    until(lambda: late.statuses("one") == [LIVE])
    sink.close(30)
    until(lambda: late.statuses("one")[-1] == OFFLINE)

    # Those before the crash may have died inside the broker, after it had acknowledged them.
    new = list(dict.fromkeys(number for number in listener.times() if number >= 20))
    assert new == sorted(new)
    assert [line.partition(" ")[2] for line in said()][1:2] == ["works again."]
    assert len(said()) in (2, 3)  # perhaps the sum of what was dropped at the end


@pytest.mark.live
def test_a_broker_that_comes_late_gets_what_has_waited(start, said):
    broker = start("broker", "allow_anonymous true")
    broker.kill()
    sink = Mqtt(f"mqtt://127.0.0.1:{broker.port}/site")
    for number in range(5):
        sink.put(event(number))
    until(said)
    assert "the broker cannot be reached (connection refused); the run goes on." in said()[0]

    broker.start()
    listener = start("listener", broker.port)
    until(lambda: listener.times() == [0, 1, 2, 3, 4])
    sink.close(30)
    assert len(said()) == 2


def test_after_a_kill_nothing_stays_live_and_another_run_stays_online(start):
    broker = start("broker", "allow_anonymous true")
    listener = start("listener", broker.port)
    url = f"mqtt://127.0.0.1:{broker.port}/site"
    program = (
        "import os, sys\n"
        "from stzsar.runtime.results import StreamState\n"
        "from stzsar.runtime.receivers.mqtt import Mqtt\n"
        f"sink = Mqtt('{url}?client=killed')\n"
        "sink.put(StreamState('gate', 'live', '', 1e9))\n"
        "sys.stdin.readline()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    other = Mqtt(f"{url}?client=other")
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
    live = {"status": "online", "streams": {"gate": "live"}}
    until(lambda: live in listener.statuses("killed"))
    process.communicate(b"\n")
    until(lambda: listener.statuses("killed")[-1] == OFFLINE)

    late = start("listener", broker.port)
    until(lambda: len(late.got) == 2)
    assert late.statuses("killed") == [OFFLINE]
    assert late.statuses("other") == [{"status": "online", "streams": {}}]
    assert all(retained for _, _, retained in late.got)
    other.close(30)


def cutting_server():
    """Takes MQTT connections, acknowledges them, and cuts them at once."""
    server = socket.create_server(("127.0.0.1", 0), backlog=100)

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(1000)
                connection.sendall(b"\x20\x02\x00\x00")

    threading.Thread(target=serve, daemon=True).start()
    return server


def test_a_broker_that_cuts_each_connection_is_asked_less_and_less_and_said_once(said, monkeypatch):
    seen = []

    class Noted(Backoff):
        def wait_s(self, failures, asked_s=None):
            seen.append(failures)
            return 0.01

    monkeypatch.setattr(mqtt, "WAITS", Noted())
    server = cutting_server()
    sink = Mqtt(f"mqtt://127.0.0.1:{server.getsockname()[1]}/site")
    sink.put(event(0))
    until(lambda: len(seen) >= 4)
    sink.close(0.1)
    server.close()

    assert seen[:4] == [1, 2, 3, 4]
    assert len([line for line in said() if "broke off" in line]) == 1
    assert not [line for line in said() if "works again" in line]


def mute_server():
    server = socket.create_server(("127.0.0.1", 0), backlog=100)
    return server, f"mqtt://127.0.0.1:{server.getsockname()[1]}/site"


def test_a_flood_for_a_broker_that_says_nothing_is_bounded_and_closing_ends():
    server, url = mute_server()
    sink = Mqtt(url)
    long = result(label="x" * 50_000)
    for number in range(2000):  # 100 MB
        sink.put(long)
        sink.put(event(number))
    held_bytes = sink._queue._bytes
    start_s = time.monotonic()
    sink.close(0.1)
    took_s = time.monotonic() - start_s
    server.close()

    assert held_bytes <= 16 * 2**20
    assert took_s < 4  # the connection attempt may take five
    assert sink.counters.dropped == 4000


def test_a_flood_for_a_real_broker_arrives_but_for_what_is_counted(start):
    broker = start("broker", "allow_anonymous true")
    listener = start("listener", broker.port)
    sink = Mqtt(f"mqtt://127.0.0.1:{broker.port}/site")
    for number in range(3000):
        sink.put(result(label="x" * 3000))  # 18 MB
        if number % 100 == 0:
            sink.put(event(number))
    sink.close(60)

    assert listener.times() == list(range(0, 3000, 100))
    assert sink.counters.delivered + sink.counters.dropped == 3030
    until(lambda: len(listener.payloads("site/gate/result")) + 30 == sink.counters.delivered)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_is_of_no_use_is_one_sentence(tmp_path, content):
    if content:
        (tmp_path / "ca.pem").write_text(content)

    with pytest.raises(StzsarError, match=r"authorities in .*ca\.pem cannot be used"):
        Mqtt("mqtts://localhost/x", ca_file=tmp_path / "ca.pem")


def test_a_password_that_goes_over_the_network_in_clear_is_said(said):
    sink = Mqtt("mqtt://me@192.0.2.1/x", password="pw")
    sink.close(0)

    assert said()[0] == "mqtt://192.0.2.1 gets its password in clear: mqtts:// encrypts it."


def test_a_flood_of_odd_commands_switches_nothing_and_is_said_once(start, said):
    broker = start("broker", "allow_anonymous true")
    listener = start("listener", broker.port)
    duties = Duties({"hall": None, "gate": None})
    sink = Mqtt(f"mqtt://127.0.0.1:{broker.port}/site", duties=duties)
    sink.put(event(0))
    until(listener.times)
    odd = [b"", b"\xff\x00", b"off" + b" " * 13 + b"gate", b"offf", b"x" * 1_000_000]
    for payload in [*odd, *[b"perhaps"] * 200]:
        listener.client.publish("site/hall/armed/set", payload, 1)
    for stream in ("hal", "hall/x"):
        listener.client.publish(f"site/{stream}/armed/set", "off", 1)
    listener.client.publish("site/gate/armed/set", " OFF\n", 1)
    until(lambda: not duties.of("gate").armed)
    sink.close(30)

    assert duties.of("hall").armed
    place = f"mqtt://127.0.0.1:{broker.port}: a command at site/hall/armed/set"
    # Sinks of other tests may still say that they reach nobody.
    own = [one for one in said() if str(broker.port) in one]
    assert own == [f"{place} is neither armed nor off."]
