"""A real browser, a real run with two cameras, and pictures of what the browser shows."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

GENEROUS_S = 60.0
# Where pictures of the page go; without it none are made.
PICTURES = os.environ.get("STZSAR_PAGE_PICTURES")
COLOURS_BGR = {
    "red": (0, 0, 255),
    "green": (0, 255, 0),
    "blue": (255, 0, 0),
    "yellow": (0, 255, 255),
}
FLAGS = (
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


class Camera:
    """An MJPEG camera that shows one colour left and one right, or is off.

    Attributes:
        left: the colour of the left half.
        right: the colour of the right half.
        is_on: whether it sends pictures; a camera that is off refuses.
    """

    def __init__(self, left: str, right: str = "") -> None:
        self.left, self.right, self.is_on = left, right or left, True
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
                pass

            def do_GET(self) -> None:
                with contextlib.suppress(OSError):
                    owner._answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/video"

    def show(self, left: str, right: str = "") -> None:
        self.left, self.right = left, right or left

    def close(self) -> None:
        self.is_on = False
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        if not self.is_on:
            handler.send_error(503)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        number = 0
        while self.is_on:
            number += 1
            jpeg = self._picture(number)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            handler.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(1 / 12)

    def _picture(self, number: int) -> bytes:
        """A picture in which a small square wanders, so that it moves."""
        picture = np.empty((180, 320, 3), np.uint8)
        picture[:, :160] = COLOURS_BGR[self.left]
        picture[:, 160:] = COLOURS_BGR[self.right]
        x = number * 6 % 300
        picture[80:90, x : x + 10] = 255
        return cv2.imencode(".jpg", picture)[1].tobytes()


class Run:
    """A process of stzsar-run with a page.

    Attributes:
        address: of the page.
        folder: of its files.
    """

    folder = Path()

    def __init__(self, *arguments: object) -> None:
        self._port = _free_port()
        self.address = f"http://127.0.0.1:{self._port}/"
        self._command = [
            *(sys.executable, "-m", "stzsar.runtime.command.cli", *map(str, arguments)),
            *("--serve", f"127.0.0.1:{self._port}", "--quiet"),
        ]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        end_s = time.monotonic() + GENEROUS_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                return
            if self._process.poll() is not None or time.monotonic() > end_s:
                _, said = self._process.communicate()
                raise AssertionError(said)
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=GENEROUS_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, one for all tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup")
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium: apt install what tests/debian_packages.txt lists")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=program, chromium_sandbox=False, args=list(FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def cameras() -> Iterator[dict[str, Camera]]:
    """The two cameras of `site`."""
    cameras = {"hall": Camera("red"), "door": Camera("green")}
    yield cameras
    for camera in cameras.values():
        camera.close()


@pytest.fixture(scope="module")
def site(
    bundle: Path, cameras: dict[str, Camera], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Run]:
    """A run of two cameras that keeps events; each has a file of labels in the run's folder."""
    folder = tmp_path_factory.mktemp("site")
    streams = folder / "streams.toml"
    tables = []
    for name, camera in cameras.items():
        (folder / f"{name}.txt").write_text("red\ngreen\nblue\n")
        tables += ["[[stream]]", f'name = "{name}"', f'source = "{camera.address}"']
        tables += [f'labels = "{name}.txt"']
    streams.write_text("\n".join(tables))
    run = Run(
        *("--bundle", bundle, "--streams", streams, "--events", folder / "events"),
        *("--before", 1, "--after", 1, "--threads", 1),
    )
    run.folder = folder
    yield run
    run.stop()


class Viewer:
    """A tab of the browser, with what its console said."""

    def __init__(self, browser: Browser, address: str, **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(GENEROUS_S * 1000)
        self.address = address
        self._errors: list[str] = []
        self._is_refused = False
        self.page.on("console", lambda said: self._note(said.type, said.text))
        self.page.on("pageerror", lambda error: self._errors.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self._errors.append(text)

    def expect_refusal(self) -> None:
        """Say that a request was meant to fail: the browser itself notes that as an error."""
        self._is_refused = True

    @property
    def errors(self) -> list[str]:
        """What the console said that it should not say."""
        by_itself = ("Failed to load resource", "WebSocket connection to")
        return [
            text for text in self._errors if not (self._is_refused and text.startswith(by_itself))
        ]

    def go(self, view: str = "#/") -> Page:
        self.page.goto(self.address + view)
        self.page.wait_for_selector("main h1")
        return self.page

    def shoot(self, name: str) -> None:
        """Write a picture of the page, where pictures are asked for."""
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(PICTURES) / f"{re.sub(r'[^a-z0-9]+', '-', name)}.png")


@pytest.fixture(scope="session")
def start_run() -> Callable[..., Run]:
    """Start a run with a page; who starts it stops it."""
    return Run


@pytest.fixture
def view(site: Run, make_viewer: Callable[..., Viewer]) -> Callable[..., Viewer]:
    """Open tabs of the page of `site`."""
    return partial(make_viewer, site.address)


@pytest.fixture
def make_viewer(browser: Browser) -> Iterator[Callable[..., Viewer]]:
    """Open tabs of a page; none may have said an error at the end."""
    viewers: list[Viewer] = []

    def open_tab(address: str, **context: Any) -> Viewer:
        viewers.append(Viewer(browser, address, **context))
        return viewers[-1]

    yield open_tab
    for viewer in viewers:
        viewer.context.close()
        assert viewer.errors == []
