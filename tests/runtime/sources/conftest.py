"""Feeds that are run to see what they give, and real servers for them to read."""

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from stzsar.runtime.results import StreamState
from stzsar.runtime.sources.feed import Captured, Feed, FeedOptions
from stzsar.runtime.sources.open_feed import open_feed
from stzsar.runtime.sources.spec import specs_of

GENEROUS_S = 60.0
DEBIANS_PYTHON = "/usr/bin/python3"


class FeedRun:
    """A feed at work, with all that it says and gives."""

    def __init__(self, make: Callable[[FeedOptions], Feed], **options: Any) -> None:
        self.states: list[StreamState] = []
        self.frames: list[Captured] = []
        self.options = FeedOptions(on_state=self.states.append, **options)
        self.feed = make(self.options)
        self.feed.start()

    @property
    def conditions(self) -> list[str]:
        return [state.state for state in self.states]

    def take_until(self, condition: Callable[[], object]) -> None:
        """Take what comes until `condition` is true."""
        end_s = time.monotonic() + GENEROUS_S
        while not condition():
            assert time.monotonic() < end_s, (self.conditions, self.feed.counters)
            self.options.wake.wait(0.05)
            self.options.wake.clear()
            while captured := self.feed.take():
                self.frames.append(captured)

    def take_all(self) -> list[Captured]:
        self.take_until(lambda: self.feed.finished)
        assert self.feed.join(GENEROUS_S)
        return self.frames

    def more(self, count: int) -> None:
        """Take so many frames more."""
        wanted = len(self.frames) + count
        self.take_until(lambda: len(self.frames) >= wanted)

    def wait_for(self, *conditions: str) -> None:
        """Take what comes until these are the latest states."""
        self.take_until(lambda: self.conditions[-len(conditions) :] == list(conditions))


@pytest.fixture
def run_feed() -> Iterator[Callable[..., FeedRun]]:
    """Start a feed, of a URI or by a function of its options; all are stopped at the end."""
    runs: list[FeedRun] = []

    def start(what: Any, *, rate_fps: float = 10.0, **options: Any) -> FeedRun:
        def make(given: FeedOptions) -> Feed:
            if isinstance(what, str | Path):
                return open_feed(specs_of([str(what)])[0], given, rate_fps)
            return what(given, rate_fps)

        runs.append(FeedRun(make, **options))
        return runs[-1]

    yield start
    for run in runs:
        run.feed.stop()
    for run in runs:
        assert run.feed.join(GENEROUS_S)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class RtspServer:
    """A server of GStreamer's in a process of its own, which may be killed and paused."""

    def __init__(self, login: str = "", transport: str = "any") -> None:
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self._transport = transport
        self._login = [login] if login else []

    def url(self, login: str = "") -> str:
        return f"rtsp://{login}127.0.0.1:{self.port}/cam"

    def start(self, width: int = 320, height: int = 240) -> "RtspServer":
        script = Path(__file__).parent / "rtsp_server.py"
        arguments = [DEBIANS_PYTHON, script, self.port, width, height, self._transport]
        self.process = subprocess.Popen(
            [*map(str, arguments), *self._login], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "ready\n"
        return self

    def send(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def rtsp_server() -> Iterator[Callable[..., RtspServer]]:
    """Start RTSP servers, or skip where Debian's parts for one are missing."""
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); "
        "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
        "assert Gst.ElementFactory.find('x264enc') and Gst.ElementFactory.find('rtph264pay')"
    )
    with contextlib.suppress(OSError):
        if subprocess.run([DEBIANS_PYTHON, "-c", probe], capture_output=True).returncode == 0:
            servers: list[RtspServer] = []

            def start(login: str = "", transport: str = "any") -> RtspServer:
                servers.append(RtspServer(login, transport).start())
                return servers[-1]

            yield start
            for server in servers:
                server.kill()
            return
    pytest.skip("no RTSP server: apt install what tests/debian_packages.txt lists")


class Throttle:
    """A TCP proxy before a server, which lets through `bytes_per_s` of what it sends."""

    def __init__(self, port: int) -> None:
        self.bytes_per_s = 1e9
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                for pair in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1024):
                target.sendall(data)
                if slow:
                    time.sleep(len(data) / self.bytes_per_s)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def throttle() -> Iterator[Callable[[int], Throttle]]:
    """Put a proxy before a port."""
    made: list[Throttle] = []

    def make(port: int) -> Throttle:
        made.append(Throttle(port))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()


class MjpegServer:
    """An HTTP camera: `/video` is MJPEG, 20 pictures a second; other paths are files of a folder.

    Attributes:
        mode: "live", "frozen" (the same picture again and again), "silent" or "broken".
        size_wh: of the pictures.
    """

    def __init__(self, folder: Path) -> None:
        self.mode = "live"
        self.size_wh = (64, 48)
        self._folder = folder
        self._count = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

            def do_GET(self) -> None:
                with contextlib.suppress(OSError):
                    owner.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str = "video") -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/{path}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.partition("?")[0].strip("/")
        if name != "video":
            data = (self._folder / name).read_bytes()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
            return
        if self.mode == "broken":
            handler.send_error(503)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        while self.mode != "broken":
            if self.mode != "silent":
                jpeg = self._picture()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                handler.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(1 / 20)

    def _picture(self) -> bytes:
        if self.mode == "live":
            self._count += 1
        picture = np.full((*self.size_wh[::-1], 3), self._count * 8 % 256, np.uint8)
        return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.fixture
def start_mjpeg_server(tmp_path: Path) -> Iterator[Callable[[], MjpegServer]]:
    """Start small HTTP servers with a camera and files."""
    servers: list[MjpegServer] = []

    def start() -> MjpegServer:
        servers.append(MjpegServer(tmp_path))
        return servers[-1]

    yield start
    for server in servers:
        server.mode = "broken"
        server.server.shutdown()
        server.server.server_close()


@pytest.fixture
def mjpeg_server(start_mjpeg_server: Callable[[], MjpegServer]) -> MjpegServer:
    """A small HTTP server with a camera and files."""
    return start_mjpeg_server()
