"""The systemd unit as systemd reads it, and what a run tells the service manager."""

import contextlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stzsar.runtime.command.cli import main
from stzsar.runtime.results import StreamCondition, StreamState
from stzsar.runtime.sinks.service import ServiceManager, service_manager

UNIT = Path(__file__).parents[2] / "systemd" / "stzsar.service"
COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import program; program()"]
MAX_EXPOSURE = 2.5

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is missing: apt install systemd",
)


def analyzed(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/stzsar/bin/stzsar-run", "/bin/true"))

    done = analyzed("verify", "--man=no", unit)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    # It does find what is wrong.
    unit.write_text(unit.read_text().replace("WatchdogSec=300", "WatchdogSec=often"))
    assert "Failed to parse sec value" in analyzed("verify", "--man=no", unit).stderr


@needs_systemd
def test_the_unit_is_hardened():
    done = analyzed("security", "--offline=true", UNIT)
    found = re.search(r"Overall exposure level for stzsar.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) < MAX_EXPOSURE


def test_the_unit_starts_a_command_that_exists():
    (line,) = re.findall(r"^ExecStart=(.*)", UNIT.read_text(), re.MULTILINE)
    program, *words = shlex.split(line)
    assert Path(program).name == "stzsar-run"
    context = main.make_context("stzsar-run", words, resilient_parsing=True)
    assert str(context.params["streams"]) == "/etc/stzsar/streams.toml"
    known = {option for parameter in main.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def environment(tmp_path: Path) -> dict[str, str]:
    return {
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "200000",
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
    }


def received(listening: socket.socket) -> str:
    return listening.recv(100).decode()


def test_a_run_says_that_it_is_ready_that_it_lives_and_that_it_ends(
    manager: socket.socket, tmp_path: Path
):
    streams = tmp_path / "streams.toml"
    streams.write_text(
        '[[stream]]\nname = "door"\nsource = "test://moving-shapes?fps=10&seconds=600"\n'
    )
    arguments = ["--streams", str(streams), "--quiet", "--output", str(tmp_path / "out.jsonl")]
    process = subprocess.Popen([*COMMAND, *arguments], env=environment(tmp_path), cwd=tmp_path)
    try:
        assert [received(manager) for _ in range(4)] == ["READY=1", *["WATCHDOG=1"] * 3]
        process.send_signal(signal.SIGTERM)
        while (last := received(manager)) == "WATCHDOG=1":
            pass
        assert last == "STOPPING=1"
        assert process.wait(30) == 143
    finally:
        process.kill()
        process.wait()


class Camera:
    """An HTTP camera that shows pictures until it is told to hang."""

    def __init__(self, jpeg: bytes) -> None:
        self.dead = threading.Event()
        camera = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if camera.dead.is_set():
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
                self.end_headers()
                while not camera.dead.wait(0.1):
                    self.wfile.write(b"--b\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n")
                return None

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/video.mjpg"


@pytest.fixture
def camera() -> Iterator[Camera]:
    import cv2
    import numpy as np

    jpeg = cv2.imencode(".jpg", np.full((64, 64, 3), 90, np.uint8))[1].tobytes()
    made = Camera(jpeg)
    yield made
    made.dead.set()
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.live
def test_a_run_whose_streams_are_all_lost_feeds_no_longer(
    manager: socket.socket, camera: Camera, tmp_path: Path
):
    arguments = ["--source", camera.url, "--quiet", "--output", str(tmp_path / "out.jsonl")]
    process = subprocess.Popen([*COMMAND, *arguments], env=environment(tmp_path), cwd=tmp_path)
    try:
        assert [received(manager) for _ in range(2)] == ["READY=1", "WATCHDOG=1"]
        camera.dead.set()
        # Fed ten times a second before, so a silence of two seconds is one.
        manager.settimeout(2)
        with contextlib.suppress(TimeoutError):
            for _ in range(1000):
                assert received(manager) == "WATCHDOG=1"
            pytest.fail("it is fed although no stream lives")
        assert process.poll() is None  # it tries to reach the camera
    finally:
        process.kill()
        process.wait()


def state(name: str, condition: StreamCondition) -> StreamState:
    return StreamState(source=name, state=condition, reason="", time=0.0)


def test_one_stream_of_two_is_enough(manager: socket.socket, tmp_path: Path):
    service = ServiceManager(str(tmp_path / "notify"), every_s=0.0, live=True)
    manager.setblocking(False)

    def told() -> list[str]:
        service.tick()
        found: list[str] = []
        while True:
            try:
                found.append(received(manager))
            except BlockingIOError:
                return found

    assert told() == []
    service.put(state("door", "live"))
    service.put(state("hall", "live"))
    assert told() == ["READY=1", "WATCHDOG=1"]
    service.put(state("door", "lost"))
    assert told() == ["WATCHDOG=1"]
    service.put(state("hall", "stalled"))
    assert told() == []
    service.put(state("door", "live"))
    assert told() == ["WATCHDOG=1"]
    service.source_ended("door")
    assert told() == []


def test_without_a_service_manager_there_is_no_sink(monkeypatch: pytest.MonkeyPatch):
    for address in ("", "relative", "vsock:2:1"):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert service_manager(live=True) is None


def test_a_manager_that_is_gone_ends_no_run(tmp_path: Path):
    service = ServiceManager(str(tmp_path / "none"), every_s=0.0, live=False)
    service.tick()
    service.end()
