"""Dead addresses of every kind: none of them holds up a healthy camera, and each says why."""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pytest

from stzsar.runtime.backoff import Backoff
from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.errors import SourceError
from stzsar.runtime.sinks.video import AnnotatedVideo
from stzsar.runtime.sources import live_feed
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.video import capture as capture_module
from stzsar.runtime.video import pyav
from stzsar.runtime.video.capture import open_address

pytestmark = pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")

HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n\r\n"
# A JPEG that says that it is 0 pixels wide and high.
EMPTY_JPEG = bytes.fromhex("ffd8ffc0000b080000000001011100ffd9")


class DeadServer:
    """Takes connections, and does `talk` with each in a thread of its own."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk = talk
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._talk(client)

    def close(self) -> None:
        self.closing = True
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class FullBacklog(DeadServer):
    """Does not even take connections: what is sent to it is lost, as in a black hole."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self.port = self._listener.getsockname()[1]
        self.closing = False
        self._open = []
        for _ in range(3):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.port))
            self._open.append(waiting)


class StoppedProcess(DeadServer):
    """A server that stops itself: its connections stay, and nothing moves any more."""

    SCRIPT = """
import os, signal, socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    client, _ = listener.accept()
    client.recv(9999)
    client.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Type: video/mp4\\r\\n")
    os.kill(os.getpid(), signal.SIGSTOP)
"""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-Ic", self.SCRIPT], stdout=subprocess.PIPE
        )
        assert self._process.stdout
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


def say_nothing(client: socket.socket) -> None:
    client.recv(9999)
    time.sleep(1e3)


def send_the_head_alone(client: socket.socket) -> None:
    client.recv(9999)
    client.sendall(HEAD)
    time.sleep(1e3)


def hang_up(client: socket.socket) -> None:
    client.recv(9999)
    client.close()


def trickle(client: socket.socket) -> None:
    client.recv(9999)
    client.sendall(HEAD)
    for byte in itertools.cycle(b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: 9999\r\n\r\n"):
        client.sendall(bytes([byte]))
        time.sleep(0.05)


def send_garbage(client: socket.socket) -> None:
    client.recv(9999)
    client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\n\r\n")
    while True:
        client.sendall(os.urandom(4096))
        time.sleep(0.01)


def send_empty_pictures(client: socket.socket) -> None:
    client.recv(9999)
    client.sendall(HEAD)
    part = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(EMPTY_JPEG)
    while True:
        client.sendall(part + EMPTY_JPEG + b"\r\n")
        time.sleep(0.02)


KINDS: dict[str, Callable[[], DeadServer]] = {
    "silent": lambda: DeadServer(say_nothing),
    "black hole": FullBacklog,
    "stopped": StoppedProcess,
    "half-open": lambda: DeadServer(send_the_head_alone),
    "slow trickle": lambda: DeadServer(trickle),
    "garbage": lambda: DeadServer(send_garbage),
    "0x0": lambda: DeadServer(send_empty_pictures),
    "hangs up": lambda: DeadServer(hang_up),
}


@pytest.fixture
def dead() -> Iterator[Callable[[str], str]]:
    """Return addresses of dead servers, by their kind."""
    servers: list[DeadServer] = []

    def start(kind: str) -> str:
        if kind == "refused":
            with socket.create_server(("127.0.0.1", 0)) as gone:
                return f"http://127.0.0.1:{gone.getsockname()[1]}/x"
        servers.append(KINDS[kind]())
        return f"http://127.0.0.1:{servers[-1].port}/x"

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
@pytest.mark.parametrize("kind", [*KINDS, "refused"])
def test_a_dead_address_is_given_up_with_a_reason_and_without_its_password(
    dead, monkeypatch, kind, scheme
):
    monkeypatch.setattr(capture_module, "OPEN_S", 0.4)
    monkeypatch.setattr(capture_module, "READ_S", 0.4)
    address = dead(kind).replace("http://", f"{scheme}://me:pa55@")

    with pytest.raises(
        SourceError, match=r"No video comes from cam \(.+\): check the address"
    ) as e:
        open_address(address, "cam")

    assert "pa55" not in str(e.value)
    assert e.value.__cause__ is None or "pa55" not in str(e.value.__cause__)


def test_a_healthy_camera_comes_comes_back_and_is_filmed_while_all_others_hang(
    run_feed, mjpeg_server, dead, monkeypatch, tmp_path: Path
):
    """Nothing here is timed: the dead ones are still being opened when all of it is done."""
    monkeypatch.setattr(capture_module, "OPEN_S", 300.0)
    monkeypatch.setattr(live_feed, "BACKOFF", Backoff(first_s=0.02, longest_s=0.02))
    hanging = ("silent", "black hole", "stopped")
    waiting = [run_feed(dead(kind)) for kind in hanging for _ in range(2)]
    for kind in ("refused", "hangs up", "slow trickle", "garbage", "0x0"):
        run_feed(dead(kind))
    for run in waiting:
        run.wait_for("connecting")
    healthy = run_feed(mjpeg_server.url())
    healthy.more(5)
    mjpeg_server.mode = "broken"
    healthy.wait_for("live", "lost")
    mjpeg_server.mode = "live"
    healthy.wait_for("lost", "live")
    healthy.more(5)
    video = AnnotatedVideo(tmp_path / "a.mp4", fps=10, live=True)
    video.write(Frame(np.zeros((48, 64, 3), np.uint8), 0.0, 0), None)
    video.finish()

    assert all(run.conditions == ["connecting"] for run in waiting)
    assert (tmp_path / "a.mp4").stat().st_size > 0


def test_a_stream_that_falls_silent_is_lost_with_a_reason(run_feed, mjpeg_server, monkeypatch):
    monkeypatch.setattr(capture_module, "READ_S", 0.4)
    monkeypatch.setattr(live_feed, "BACKOFF", Backoff(first_s=1e3, longest_s=1e3))
    run = run_feed(mjpeg_server.url())
    run.more(2)

    mjpeg_server.mode = "silent"
    run.wait_for("live", "lost")

    assert "gives no more frames (no answer for 0.4 s)" in run.states[-1].reason


COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import program; program()"]
HEALTHY, DYING = 4, 2
LIVES_S, DEAD_S, ALONE_S = 5.0, 1.0, 60


class Soak(NamedTuple):
    """What a run gave.

    Attributes:
        first_s: from the start of the process to a result of every healthy camera.
        rates: results a second of each healthy camera.
        returns_s: from a dying camera's answering again to its first picture.
        peak_mib: memory.
        lived: the cameras that ever were live.
    """

    first_s: float
    rates: list[float]
    returns_s: list[float]
    peak_mib: float
    lived: set[str]

    def __str__(self) -> str:
        rates = ", ".join(f"{rate:.2f}" for rate in self.rates)
        return (
            f"all in {self.first_s:.2f} s; {rates} results a second; "
            f"{len(self.returns_s)} returns, median {median(self.returns_s):.2f} s, "
            f"longest {max(self.returns_s):.2f} s; peak {self.peak_mib:.0f} MiB"
        )


def soak(
    folder: Path, healthy: list[Any], dying: list[Any], dead_urls: list[str], seconds: int
) -> Soak:
    """Watch all cameras in a process of its own, and let the dying ones break off in turn."""
    urls = {**{f"dead{n}": url for n, url in enumerate(dead_urls)},
            **{f"dying{n}": server.url() for n, server in enumerate(dying)},
            **{f"healthy{n}": server.url() for n, server in enumerate(healthy)}}  # fmt: skip
    streams = [f'[[stream]]\nname = "{name}"\nsource = "{url}"\n' for name, url in urls.items()]
    (folder / "streams.toml").write_text("".join(streams))
    command = [*COMMAND, "--streams", folder / "streams.toml", "--bundle", shipped_bundle()]
    command += ["--rate", "5", "--seconds", str(seconds), "--quiet"]
    start_s = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seen: list[tuple[float, dict[str, Any]]] = []
    assert process.stdout
    lines = iter(process.stdout.readline, b"")
    reader = threading.Thread(
        target=lambda: seen.extend((time.monotonic(), json.loads(line)) for line in lines)
    )
    reader.start()
    back_s: list[tuple[float, str]] = []
    while reader.is_alive():
        for number, server in enumerate(dying):
            reader.join(LIVES_S)
            server.mode = "broken"
            reader.join(DEAD_S)
            server.mode = "live"
            back_s.append((time.monotonic(), f"dying{number}"))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == (2 if dead_urls else 0)  # a camera that gave nothing is said
    live = [(at, row["source"]) for at, row in seen if row.get("state") == "live"]
    first = ((at, next((t for t, source in live if source == name and t > at), None))
             for at, name in back_s)  # fmt: skip
    results = [(at, row["source"]) for at, row in seen if row["type"] == "result"]
    times = [[at for at, name in results if name == f"healthy{n}"] for n in range(HEALTHY)]
    return Soak(
        max(each[0] for each in times) - start_s,
        [(len(each) - 1) / (each[-1] - each[0]) for each in times],
        [came - at for at, came in first if came is not None],
        usage.ru_maxrss / 1024,
        {source for _, source in live},
    )


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seconds", [180, 600])
def test_soak_beside_dead_and_dying_cameras_healthy_ones_are_as_they_are_alone(
    start_mjpeg_server, dead, tmp_path, seconds
):
    healthy = [start_mjpeg_server() for _ in range(HEALTHY)]
    dying = [start_mjpeg_server() for _ in range(DYING)]
    alone = soak(tmp_path, healthy, dying, [], ALONE_S)
    urls = [dead(kind) for kind in (*KINDS, "refused")]
    beside = soak(tmp_path, healthy, dying, urls, seconds)
    print(f"\nalone, {ALONE_S} s: {alone}")
    print(f"beside {len(KINDS) + 1} dead ones, {seconds} s: {beside}")

    alive = {f"healthy{n}" for n in range(HEALTHY)} | {f"dying{n}" for n in range(DYING)}
    assert alone.lived == beside.lived == alive
    assert min(beside.rates) > 0.9 * min(alone.rates)
    assert len(beside.returns_s) > len(alone.returns_s)
