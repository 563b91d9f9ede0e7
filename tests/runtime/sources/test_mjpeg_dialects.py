"""MJPEG as cheap cameras send it, and addresses that give one picture at a time."""

import contextlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest

from stzsar.runtime.video import pyav

pytestmark = pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")


class Dialect(NamedTuple):
    """What comes before a picture, its headers, and what follows it."""

    boundary: bytes
    before: bytes
    headers: bytes
    after: bytes


LENGTH = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
DIALECTS = {
    "plain": Dialect(b"b", b"--b\r\n", LENGTH, b"\r\n"),
    "quoted": Dialect(b'"b"', b"--b\r\n", LENGTH, b"\r\n"),
    "dashes in the boundary": Dialect(b"--b", b"--b\r\n", LENGTH, b"\r\n"),
    "no length": Dialect(b"b", b"--b\r\n", b"Content-Type: image/jpeg\r\n\r\n", b"\r\n"),
    "line feeds only": Dialect(b"b", b"--b\n", LENGTH.replace(b"\r", b""), b"\n"),
    "image/jpg": Dialect(b"b", b"--b\r\n", LENGTH.replace(b"jpeg", b"jpg"), b"\r\n"),
    "no boundary before the first": Dialect(b"b", b"", LENGTH, b"\r\n--b\r\n"),
}


@pytest.fixture
def camera() -> Iterator[str]:
    """Serve `/DIALECT` as a stream, and `/still` as one picture at a time."""
    stopped = threading.Event()
    count = 0

    def picture() -> bytes:
        nonlocal count
        count += 1
        image = np.full((48, 64, 3), count * 16 % 256, np.uint8)
        return cv2.imencode(".jpg", image)[1].tobytes()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                self.send_response(200)
                name = self.path.strip("/").replace("%20", " ")
                self.still() if name == "still" else self.stream(DIALECTS[name])

        def still(self) -> None:
            body = picture()
            self.send_header("Content-Type", "image/jpeg")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def stream(self, dialect: Dialect) -> None:
            kind = "multipart/x-mixed-replace; boundary=" + dialect.boundary.decode()
            self.send_header("Content-Type", kind)
            self.end_headers()
            while not stopped.is_set():
                body = picture()
                headers = dialect.headers
                headers = headers % len(body) if b"%d" in headers else headers
                self.wfile.write(dialect.before + headers + body + dialect.after)
                time.sleep(0.02)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    stopped.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", [*DIALECTS, "still"])
def test_every_dialect_gives_pictures_that_change(run_feed, camera, name):
    run = run_feed(camera + name.replace(" ", "%20"), rate_fps=100.0)

    run.more(3)

    assert run.conditions == ["connecting", "live"]
    assert run.feed.live
    shades = {int(captured.frame.image_hwc[24, 32, 0]) for captured in run.frames}
    assert len(shades) > 1


def test_a_live_picture_that_changes_its_size_begins_a_new_piece(run_feed, mjpeg_server):
    run = run_feed(mjpeg_server.url(), rate_fps=100.0)
    run.more(2)

    mjpeg_server.size_wh = (48, 64)
    run.take_until(lambda: run.frames[-1].frame.image_hwc.shape == (64, 48, 3))

    assert run.feed.counters.connections == 1
    assert run.frames[-1].connection == run.frames[0].connection + 1
