import base64
import hashlib
import hmac
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from email.utils import formatdate

import pytest

from stzsar.runtime.backoff import Backoff
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.receivers.shown import shown_origin
from stzsar.runtime.receivers.webhook import Webhook, signing_key
from stzsar.runtime.results import ActionEvent, Recognition, Score

pytest.importorskip("urllib3", reason="pip install '.[sinks]'")

QUICK = Backoff(attempts=3, first_s=0.001, longest_s=0.002)
RESULT = Recognition("clip", 0.0, 1.0, 4, (Score("red", 0.75, 0.5),))


def event(number=0, source="door\x00\x1b[2J\u202e\ud800"):
    return ActionEvent("start", source, "Íjászat", float(number), None, 0.75, 0.5)


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.WARNING, logger="stzsar")
    return lambda: [record.getMessage() for record in caplog.records]


def test_messages_arrive_in_order_over_one_connection_and_results_only_if_asked_for(open_receiver):
    with open_receiver() as receiver:
        events, everything = Webhook(receiver.url("/a")), Webhook(receiver.url("/b"), results=True)
        for number in range(20):
            for sink in (events, everything):
                sink.put(event(number))
                sink.put(RESULT)
        events.close(30)
        everything.close(30)

    bodies = {
        path: [json.loads(got["body"]) for got in receiver.got if got["path"] == path]
        for path in ("/a", "/b")
    }
    assert [body["time_s"] for body in bodies["/a"]] == list(range(20))
    assert [body["type"] for body in bodies["/b"]] == ["event", "result"] * 20
    assert bodies["/a"][0]["label"] == "Íjászat"
    assert bodies["/a"][0]["version"] == 1
    assert events.counters.delivered == 20
    assert receiver.connections == 2


def test_the_signature_is_that_of_the_documented_form_and_new_with_each_attempt(
    open_receiver, monkeypatch
):
    with open_receiver((503, {})) as receiver:
        sink = Webhook(receiver.url(), secret=" s3cret\n", backoff=QUICK)
        monkeypatch.setattr(time, "time", lambda: 1_700_000_000.9 + len(receiver.got))
        sink.put(event())
        sink.close(30)

    first, second = receiver.got
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    for request, seconds in ((first, 1_700_000_000), (second, 1_700_000_001)):
        headers = request["headers"]
        text = f"{headers['webhook-id']}.{seconds}.".encode() + request["body"]
        digest = hmac.new(b"s3cret", text, hashlib.sha256).digest()
        assert headers["webhook-timestamp"] == str(seconds)
        assert headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()


def test_each_message_has_an_id_of_its_own_and_no_secret_means_no_signature(open_receiver):
    with open_receiver() as receiver:
        sink = Webhook(receiver.url())
        for number in range(3):
            sink.put(event(number))
        sink.close(30)

    assert len({got["headers"]["webhook-id"] for got in receiver.got}) == 3
    assert all("webhook-signature" not in got["headers"] for got in receiver.got)


def test_a_secret_with_the_prefix_is_base64():
    assert signing_key("whsec_c2VjcmV0") == b"secret"
    assert signing_key("plain") == b"plain"
    assert signing_key(None) is None
    for wrong in ("", "  ", "whsec_", "whsec_no base64!"):
        with pytest.raises(StzsarError, match="secret"):
            signing_key(wrong)


@pytest.mark.parametrize("status", [500, 502, 503, 408, 425, 429])
def test_temporary_failures_are_tried_again_in_order(open_receiver, status):
    with open_receiver((200, {}), (status, {}), (status, {})) as receiver:
        sink = Webhook(receiver.url(), backoff=QUICK)
        for number in range(3):
            sink.put(event(number))
        sink.close(30)

    assert receiver.numbers() == [0, 1, 1, 1, 2]
    assert (sink.counters.delivered, sink.counters.failed) == (3, 0)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 301, 302, 304])
def test_permanent_failures_are_not_tried_again_and_said_once(open_receiver, status, said):
    with open_receiver(*[(status, {})] * 2) as receiver:
        sink = Webhook(receiver.url("/hook?token=abc"), backoff=QUICK)
        for number in range(3):
            sink.put(event(number))
        until(lambda: len(receiver.got) == 3)
        sink.close(30)

    assert receiver.numbers() == [0, 1, 2]
    assert (sink.counters.delivered, sink.counters.failed) == (1, 2)
    dead, back, summary = said()
    assert f": it answers {status}" in dead
    assert back.endswith("works again.")
    assert "1 delivered, 0 dropped, 2 failed" in summary
    assert "token" not in dead + back + summary


@pytest.mark.parametrize("form", ["seconds", "date", "garbage"])
def test_retry_after_is_followed(open_receiver, form, monkeypatch):
    waits = []
    real = Backoff.wait_s

    def wait_s(self, failures, asked_s):
        waits.append(asked_s)
        return real(self, failures, asked_s and asked_s / 1e6)

    monkeypatch.setattr(Backoff, "wait_s", wait_s)
    value = {"seconds": "120", "date": formatdate(time.time() + 120, usegmt=True)}
    with open_receiver((429, {"Retry-After": value.get(form, "soon")})) as receiver:
        sink = Webhook(receiver.url(), backoff=QUICK)
        sink.put(event())
        until(lambda: sink.counters.delivered)
        sink.close(30)

    if form == "garbage":
        assert waits == [None]
    else:
        assert 100 < waits[0] <= 120


def test_a_redirection_within_the_server_is_followed_and_to_another_it_is_not(open_receiver, said):
    with open_receiver() as other:
        script = [(307, {"Location": "/new"}), (200, {})]
        script += [(308, {"Location": other.url("/stolen")})]
        script += [(307, {"Location": "//[bad"}), *[(307, {"Location": "/again"})] * 4]
        with open_receiver(*script) as receiver:
            sink = Webhook(receiver.url(), secret="s")
            for number in range(4):
                sink.put(event(number))
            until(lambda: sink.counters.failed == 3)
            sink.close(30)

    assert [got["path"] for got in receiver.got][:2] == ["/hook", "/new"]
    assert receiver.numbers() == [0, 0, 1, 2, 3, 3, 3, 3]
    assert sink.counters.delivered == 1
    assert other.got == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hunter2@h:8443/hunter2?token=hunter2", "https://h:8443"),
        ("https://h/hook/hunter2", "https://h"),
        ("https//me:hunter2@h/x", "This"),
        ("https;//me:hunter2@h/x", "This"),
        ("me:hunter2@h/x", "This"),
        ("https://me:4711?hunter2@h/x", "https://…"),
        ("https://me:hunter2/@h/x", "https://…"),
        ("https:///me:hunter2@h/x", "https://…"),
        ("HTTPS://h/x", "https://h"),
    ],
)
def test_of_an_address_scheme_and_host_are_shown_at_most(url, shown):
    assert shown_origin(url, ("http", "https")) == shown


def test_credentials_are_sent_and_never_shown(open_receiver, said):
    with open_receiver((401, {})) as receiver:
        url = receiver.url("/services/T0/B0/hush?key=hush").replace("//", "//me:p%40ss%C3%A9@")
        sink = Webhook(url)
        sink.put(event())
        sink.close(30)

    sent = receiver.got[0]["headers"]["Authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")).decode() == "me:p@ssé"
    assert receiver.got[0]["path"] == "/services/T0/B0/hush?key=hush"
    shown = " ".join([*said(), sink.name])
    assert f"webhook http://127.0.0.1:{receiver.port}" in shown
    for secret in ("hush", "p@ss", "p%40", "me:"):
        assert secret not in shown


@pytest.mark.parametrize(
    "url",
    [
        *("", "hook", "ftp://me:pw@x/y", "http://", "http:///pw", "https://me:pw@[::1/x"),
        *("http://a b/", "http://x/\r\nHost: y", "http://x:0/", "http://x:99999/"),
        *("http://x/é", "http://x/\ud800"),
    ],
)
def test_a_bad_address_is_refused_without_its_password(url):
    with pytest.raises(StzsarError, match="not an address for a webhook") as refused:
        Webhook(url)
    assert "pw" not in str(refused.value)


def listener(answer):
    """A server that does what `answer` does with each connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return server


def mute(connection):
    time.sleep(60)
    connection.close()


def garbage(connection):
    connection.recv(65536)
    connection.sendall(b"\x00\xff220 smtp ready\r\n" * 100)
    connection.close()


def hang_up(connection):
    connection.close()


def endless(connection):
    connection.recv(65536)
    try:
        connection.sendall(b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    except OSError:
        connection.close()


def drip(begin, part):
    """Sends a part now and then, without an end."""

    def answer(connection):
        connection.recv(65536)
        try:
            connection.sendall(begin)
            while True:
                connection.sendall(part)
                time.sleep(0.02)
        except OSError:
            connection.close()

    return answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (mute, "no answer in 0.1 s"),
        (drip(b"HTTP/1.1 ", b"2"), "no answer in 0.1 s"),
        (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "no answer in 0.1 s"),
        (drip(b"HTTP/1.1 500 x\r\nContent-Length: 4000\r\n\r\n", b"x"), "it answers 500"),
        (garbage, "the connection broke off, or the answer is not HTTP"),
        (hang_up, "the connection broke off, or the answer is not HTTP"),
        (endless, "it answers 500"),
    ],
)
def test_a_server_that_behaves_badly_costs_its_own_messages_only(answer, reason, said):
    with listener(answer) as server:
        port = server.getsockname()[1]
        sink = Webhook(f"http://127.0.0.1:{port}/?token=abc", backoff=QUICK, answer_s=0.1)
        sink.put(event())
        until(lambda: sink.counters.failed)
        sink.close(30)

    assert said()[0] == f"webhook http://127.0.0.1:{port}: {reason}; the run goes on."
    assert sink.counters.failed == 1


def test_a_server_that_is_away_gets_everything_once_it_is_there(open_receiver, said):
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    sink = Webhook(f"http://127.0.0.1:{port}", backoff=QUICK)
    for number in range(5):
        sink.put(event(number))
    until(said)

    with open_receiver(port=port) as receiver:
        until(lambda: sink.counters.delivered == 5)
        sink.close(30)

    assert receiver.numbers() == [0, 1, 2, 3, 4]
    assert [line.partition(": ")[2] for line in said()] == [
        "connection refused; the run goes on.",
        "works again.",
    ]


def test_a_flood_for_a_mute_server_is_bounded_and_closing_does_not_wait_for_it():
    result = Recognition("clip", 0.0, 1.0, 4, (Score("x" * 50_000, 0.75, 0.5),))
    with listener(mute) as server:
        sink = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}", results=True)
        for number in range(2000):  # 100 MB
            sink.put(result)
            sink.put(event(number))
        waiting = sink._queue.waiting
        held_bytes = sink._queue._bytes
        start_s = time.monotonic()
        sink.close(0.1)
        took_s = time.monotonic() - start_s

    assert waiting <= 1000
    assert held_bytes <= 16 * 2**20
    assert took_s < 5  # an answer may take ten
    assert sink.counters.dropped == 4000


@pytest.fixture
def certificate(tmp_path):
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_a_certificate_is_verified_with_its_host_name(
    open_receiver, certificate, monkeypatch, said
):
    with open_receiver() as receiver:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        untrusting = Webhook(f"https://localhost:{receiver.port}", backoff=QUICK)
        untrusting.put(event())
        until(lambda: untrusting.counters.failed)
        untrusting.close(30)
        assert "certificate or TLS is not accepted: self-signed certificate" in said()[0]
        assert receiver.got == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        right = Webhook(f"https://localhost:{receiver.port}", backoff=QUICK)
        wrong = Webhook(f"https://127.0.0.1:{receiver.port}", backoff=QUICK)
        for sink in (right, wrong):
            sink.put(event())
        until(lambda: right.counters.delivered and wrong.counters.failed)
        right.close(30)
        wrong.close(30)
    assert len(receiver.got) == 1
