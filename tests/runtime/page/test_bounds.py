"""What one client may hold of the page: connections, time, memory, viewers."""

import contextlib
import json
import socket

import pytest
from websockets.exceptions import ConnectionClosed

from stzsar.runtime.page.messages.live import Notice
from stzsar.runtime.page.viewers import MAX_VIEWERS

from .conftest import shaken

STREAM = "hall"


ASKED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HT",
        ASKED + b"GET / HT",  # a second request on the same connection
        b"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n",
    ],
    ids=["first", "second", "unwanted body"],
)
def test_who_connects_and_asks_nothing_is_cut_off(running, becomes, monkeypatch, sent):
    monkeypatch.setattr("stzsar.runtime.page.server.REQUEST_S", 0.3)
    with socket.create_connection(("127.0.0.1", running.port)) as raw:
        raw.sendall(sent)
        raw.settimeout(0.05)

        def is_cut_off():
            try:
                return not raw.recv(1000)
            except TimeoutError:
                raw.sendall(b"x")  # byte after byte gains no time
            except ConnectionError:
                return True

        becomes(is_cut_off)


@pytest.mark.parametrize("bound", ["MAX_CONNECTIONS", "MAX_OF_ADDRESS"])
def test_connections_are_bounded(run, becomes, monkeypatch, bound):
    monkeypatch.setattr(f"stzsar.runtime.page.server.{bound}", 5)
    running = run(keeps=False)
    with contextlib.ExitStack() as stack:
        for _ in range(5):  # they ask nothing: with TLS they would still shake hands
            stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=20))
        with pytest.raises(ConnectionError):
            running.ask("GET", "/healthz")

    def is_answered():
        with contextlib.suppress(ConnectionError):
            return running.ask("GET", "/readyz")[0]

    assert becomes(is_answered) == 200


def test_who_reads_no_answer_is_cut_off(running, becomes, monkeypatch):
    monkeypatch.setattr("stzsar.runtime.page.server.READING_S", 0.3)
    connections = running.page._server._server.server_state.connections
    before = len(connections)
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(1)
        raw.connect(("127.0.0.1", running.port))
        with contextlib.suppress(ConnectionError, TimeoutError):
            raw.sendall(ASKED.replace(b"healthz", b"api/openapi.json") * 1000)
        becomes(lambda: len(connections) <= before)


def test_who_pings_and_reads_no_answer_is_cut_off(running, becomes, monkeypatch):
    monkeypatch.setattr("stzsar.runtime.page.viewers.SEND_S", 1000)  # not for being slow
    ping = b"\x89\xfd" + bytes(4) + b"x" * 125
    with shaken(running) as raw:
        becomes(lambda: len(running.page._viewers))
        with contextlib.suppress(ConnectionError):
            while running.page._viewers:
                raw.sendall(ping * 100)


def test_who_sends_pieces_of_nothing_is_cut_off(running, becomes):
    with shaken(running) as raw:
        becomes(lambda: len(running.page._viewers))
        raw.sendall(b"\x01\x80" + bytes(4))
        with contextlib.suppress(ConnectionError):
            while running.page._viewers:
                raw.sendall((b"\x00\x80" + bytes(4)) * 100)


def test_viewers_are_bounded(run, becomes):
    running = run(keeps=False)
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_VIEWERS):
            stack.enter_context(running.watch()).recv()
        one_more = stack.enter_context(running.watch())
        with pytest.raises(ConnectionClosed, match="too many viewers"):
            one_more.recv()
    becomes(lambda: not len(running.page._viewers))
    with running.watch() as viewer:
        assert viewer.recv()


def test_a_slow_viewer_holds_up_nobody_and_is_left(run, told, becomes, monkeypatch):
    monkeypatch.setattr("stzsar.runtime.page.viewers.SEND_S", 1.0)
    running = run(keeps=False)
    slow = shaken(running)
    becomes(lambda: len(running.page._viewers) == 1)
    (viewer,) = running.page._viewers._all
    # It never reads: what does not fit into the sockets waits, and is bounded.
    with running.watch() as quick:
        quick.recv()
        for _ in range(200):
            running.page.tell(Notice(text="x" * 20_000))
            # One that is behind for a moment begins anew, and has missed it.
            told(quick, lambda message: message["type"] in ("notice", "hello"))
        assert len(viewer._news) <= 50
        becomes(lambda: len(running.page._viewers) == 1)  # it was left
    slow.close()


def test_many_viewers_come_and_go_and_leave_nothing_behind(run, becomes):
    running = run(keeps=False)
    before = len(running.page._live._tasks)
    for _ in range(60):
        with running.watch() as viewer:
            viewer.send(json.dumps({"type": "watch", "small": [STREAM], "large": [STREAM]}))
            viewer.recv()
    becomes(lambda: not len(running.page._viewers))
    assert len(running.page._live._tasks) == before
    assert not running.page._viewers.wanted
