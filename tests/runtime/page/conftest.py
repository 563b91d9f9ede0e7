"""A run with its page, and a camera that shows red on the left and some blue on the right."""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("websockets")
from websockets.sync.client import ClientConnection, connect

from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.duty import Duties
from stzsar.runtime.events.keeper import EventKeeper
from stzsar.runtime.events.options import ClipPlan
from stzsar.runtime.labels.per_source import LabelFiles
from stzsar.runtime.page.opening import Served, serve
from stzsar.runtime.page.options import PageOptions
from stzsar.runtime.page.teaching.arguments import TeachingArguments
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.recordings.recorder import Recorder
from stzsar.runtime.sinks.sink import Fanout
from stzsar.runtime.sources.feed import FeedOptions, Taps
from stzsar.runtime.sources.live_feed import LiveFeed
from stzsar.runtime.sources.spec import SourceSpec
from stzsar.runtime.streams.loop import StreamLoop
from stzsar.runtime.streams.plan import StreamPlan
from stzsar.runtime.streams.stream import StreamOptions
from stzsar.runtime.streams.table import StreamTable

STREAM = "hall"
BLUE, RED = (255, 0, 0), (0, 0, 255)
PATIENCE_S = 20.0


class Camera:
    """A camera of 20 pictures a second, with some noise; it can break off."""

    name, codec = "camera", "none"
    fps: float | None = 20.0
    frame_count: int | None = None
    size_wh: tuple[int, int] = (64, 48)
    lost, exhausted, position_s = 0, False, None
    is_broken = False
    left, right = RED, BLUE

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def grab(self) -> bool:
        time.sleep(1 / 20)
        return not self.is_broken

    def retrieve(self) -> Any:
        image = np.zeros((48, 64, 3), np.uint8)
        image[:, :40], image[:, 40:] = self.left, self.right
        return image | self._random.integers(0, 8, image.shape, np.uint8)

    def release(self) -> None: ...


class Running:
    """A run that goes on in a thread, and a client of its page."""

    def __init__(
        self, bundle: Path, folder: Path, *, labels: Any = None, keeps: bool = True, **options: Any
    ) -> None:
        self.camera, self.table = Camera(), StreamTable()
        self.recognizer = Recognizer.load(bundle, labels, threads=1)
        self.spec = SourceSpec("v4l2:///dev/video9", STREAM)
        self.duties = Duties({STREAM: None}, wake=self.table.wake.set)
        self.labels = LabelFiles(
            labels, {}, sources=[STREAM], known=self.recognizer.bundle.bank.labels
        )
        self.keeper = None
        if keeps:
            plan = ClipPlan(before_s=0.5, after_s=0.5)
            self.keeper = EventKeeper(
                folder / "events", addresses={STREAM: "camera"}, bundle="b", plan=plan
            )
        self.page, pictures = serve(
            PageOptions(serve="127.0.0.1:0", **options),
            Served(
                specs=[self.spec],
                recognizer=self.recognizer,
                labels=self.labels,
                table=self.table,
                duties=self.duties,
                keeper=self.keeper,
                open_recorder=self._open_recorder,
                teaching=TeachingArguments(
                    common=(
                        "--bundle",
                        str(bundle),
                        "--rate",
                        "8",
                        "--min-length",
                        "0.2",
                        "--cool-down",
                        "0.4",
                    ),
                ),
            ),
        )
        self.sink = Fanout([*([self.keeper] if self.keeper else []), self.page])
        tap = Taps([self.keeper, pictures]) if self.keeper else pictures
        plan = StreamPlan(
            name=STREAM,
            live=True,
            open=self._open_feed,
            options=StreamOptions(rate_fps=8.0),
            policy_for=lambda _labels: Policy(min_length_s=0.2, cool_down_s=0.4),
        )
        self.loop = StreamLoop(
            self.recognizer, self.sink, [plan], table=self.table, tap=tap, duties=self.duties
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.tokens = self.page.opened.tokens
        self.port = int(self.page.opened.address.rsplit(":", 1)[1].strip("/"))

    def _open_feed(self, options: FeedOptions, rate_fps: float) -> LiveFeed:
        return LiveFeed(STREAM, lambda: self.camera, options, rate_fps, patient=True)

    def _open_recorder(self, path: Path) -> Recorder:
        bundle, bank = self.recognizer.bundle, self.recognizer.scorer.bank
        features = bool(bundle.manifest.features)
        return Recorder(path, bundle, bank, frames=4, rate_fps=8.0, features=features)

    def _run(self) -> None:
        with contextlib.closing(self.loop.steps()) as steps:
            for _ in steps:
                pass

    def close(self) -> None:
        self.table.end()
        self._thread.join(PATIENCE_S)
        self.sink.close(2.0)

    def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, http.client.HTTPResponse]:
        """Ask as a program does; return the status, the JSON or the bytes, and the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            given.setdefault("Content-Type", "application/json")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        with contextlib.closing(connection):
            connection.request(method, path, data, given)
            answer = connection.getresponse()
            content = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json and content else content, answer

    def watch(self, **headers: str) -> ClientConnection:
        """Open a viewer's WebSocket."""
        return connect(
            f"ws://127.0.0.1:{self.port}/api/live", additional_headers=headers, compression=None
        )


def until(
    socket: ClientConnection,
    wanted: Callable[[dict[str, Any]], Any],
    *,
    patience_s: float = PATIENCE_S,
) -> Any:
    """Read messages until one is wanted; return it."""
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        said = socket.recv(timeout=patience_s)
        if isinstance(said, bytes):
            size = int.from_bytes(said[:4], "big")
            messages = [{**json.loads(said[4 : 4 + size]), "jpeg": said[4 + size :]}]
        else:
            messages = json.loads(said)
        for message in messages:
            if wanted(message):
                return message
    raise AssertionError("no such message came")


def becomes(true: Callable[[], Any]) -> Any:
    """Wait until something is true; return it."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError("this did not become true")


def shaken(running, host="localhost"):
    """Open a viewer's WebSocket that never reads."""
    raw = socket.create_connection(("127.0.0.1", running.port), timeout=20)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.sendall(
        b"GET /api/live HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % host.encode()
    )
    return raw


@pytest.fixture
def run(bundle: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start runs; they are ended."""
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> Running:
            running = Running(bundle, tmp_path, **options)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture(scope="module")
def running(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A run that tests share, which change nothing in it."""
    found = Running(bundle, tmp_path_factory.mktemp("shared"))
    yield found
    found.close()


@pytest.fixture
def told() -> Callable[..., Any]:
    return until


@pytest.fixture(name="becomes")
def becomes_fixture() -> Callable[..., Any]:
    return becomes
