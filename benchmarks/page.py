"""python -m stzsar.benchmarks.page: what the viewers of the live page cost a run.

A run watches cameras as a program of its own, and serves its page. Its decisions are counted in
rounds with and without viewers, in turn. Then viewers come and go, and its memory is read. The
viewers read and throw away what they get, on the same machine: what a browser needs is not counted.
"""

import base64
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import shipped_bundle
from .tools.command import benchmark, bundle_option, count_option, rounds_option
from .tools.tables import markdown, median_and_range
from .tools.timing import machine

_RUN = "from stzsar.runtime.command.cli import program; program()"
_SOURCE = "test://moving-shapes?fps={fps}&seed={seed}"
# Until rates and viewers have settled.
_SETTLE_S = 2.0
_STEPS = 5
# A ping comes after 20 s and is answered by nobody here.
_LONGEST_S = 30
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many streams and viewers, for how long."""

    bundle: Path | None = None
    streams: int = 4
    rate: int = 8
    viewers: int = 20
    seconds: int = 20
    rounds: int = 8
    connects: int = 500


@dataclass(frozen=True)
class Round:
    """Decisions and sent bytes of a second, and the age of a decision, without and with viewers."""

    without: float
    with_viewers: float
    sent_mib: float


class Page:
    """The page of a run."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._at = host, int(port)

    def metric(self, name: str) -> float:
        """Return the sum of a metric's values."""
        connection = HTTPConnection(*self._at, timeout=30)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, flags=re.M)
        return sum(map(float, values))

    def view(self, streams: list[str]) -> socket.socket:
        """Open a viewer's WebSocket that wants all streams small and one large."""
        viewer = socket.create_connection(self._at, timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        viewer.sendall(
            f"GET /api/live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
            "".encode()
        )
        if b" 101 " not in viewer.recv(64):
            raise RuntimeError("the page took no viewer")
        watch = json.dumps({"type": "watch", "small": streams, "large": streams[:1]}).encode()
        head = bytes([0x81, 0xFE]) + len(watch).to_bytes(2, "big") + bytes(4)  # a mask of zeros
        viewer.sendall(head + watch)
        return viewer


class Viewers:
    """Viewers that read and throw away, in a thread."""

    def __init__(self, page: Page, streams: list[str], count: int) -> None:
        self.received = 0
        self._sockets = [page.view(streams) for _ in range(count)]
        self._is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while not self._is_over:
            ready, _, _ = select.select(self._sockets, [], [], 0.1)
            for one in ready:
                self.received += len(one.recv(1 << 20))

    def close(self) -> None:
        """Leave."""
        self._is_over = True
        self._thread.join()
        for one in self._sockets:
            one.close()


@benchmark(
    usual=Options(),
    quick=Options(streams=1, viewers=2, seconds=1, rounds=1, connects=5),
)
@bundle_option()
@count_option("--streams", Options.streams, "Watch N cameras.")
@count_option("--rate", Options.rate, "Look at N pictures a second of each.")
@count_option("--viewers", Options.viewers, "Let N viewers look.")
@cloup.option(
    "--seconds",
    metavar="S",
    type=click.IntRange(1, _LONGEST_S),
    show_default=str(Options.seconds),
    help="Count for S seconds.",
)
@rounds_option(Options.rounds, 1)
@count_option("--connects", Options.connects, "Let N viewers come and go, one after the other.")
def main(options: Options) -> None:
    """Count a run's decisions with and without viewers, and read its memory as they come and go."""
    with _running(options) as (page, streams):
        rounds = [_round(page, streams, options, number) for number in range(options.rounds)]
        click.echo(rounds_table(rounds, options))
        click.echo("\n" + memory_table(_come_and_go(page, streams, options)))
    click.echo(f"\n{options.streams} streams, {options.rate} pictures a second each; {machine()}.")


def rounds_table(rounds: list[Round], options: Options) -> str:
    """Return the decisions a second, and what viewers took of them."""
    lost = [100 * (1 - one.with_viewers / one.without) for one in rounds]
    return markdown(
        ["", "decisions a second", "sent, MiB/s", "fewer, %"],
        [
            ["nobody looks", median_and_range([one.without for one in rounds]), "", ""],
            [
                f"{options.viewers} viewers",
                median_and_range([one.with_viewers for one in rounds]),
                median_and_range([one.sent_mib for one in rounds]),
                median_and_range(lost),
            ],
        ],
    )


def memory_table(memory: dict[int, float]) -> str:
    """Return the memory after so many viewers."""
    rows = [[count, f"{mib:.1f}"] for count, mib in memory.items()]
    return markdown(["viewers that came and went", "memory of the run, MiB"], rows)


@contextmanager
def _running(options: Options) -> Iterator[tuple[Page, list[str]]]:
    sources = [
        _SOURCE.format(fps=3 * options.rate, seed=number) for number in range(options.streams)
    ]
    command = [sys.executable, "-c", _RUN, *sources, "--bundle",
               str(options.bundle or shipped_bundle()), "--rate", str(options.rate),
               "--serve", "127.0.0.1:0", "--output", os.devnull, "--quiet"]  # fmt: skip
    with ExitStack() as stack:
        run = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        stack.callback(run.kill)
        assert run.stderr
        said = ""
        while not (found := re.search(r"http://(\S+)/", said)):
            line = run.stderr.readline()
            if not line:
                raise RuntimeError(f"the run did not begin: {said}")
            said += line
        threading.Thread(target=run.stderr.read, daemon=True).start()
        page = Page(found[1])
        while not page.metric("stzsar_results_total"):
            time.sleep(0.1)
        yield page, sources


def _round(page: Page, streams: list[str], options: Options, number: int) -> Round:
    def count(viewers: int) -> tuple[float, float]:
        looking = Viewers(page, streams, viewers)
        time.sleep(_SETTLE_S)
        before, received, start_s = (
            page.metric("stzsar_results_total"), looking.received, time.monotonic(),
        )  # fmt: skip
        time.sleep(options.seconds - min(_SETTLE_S, options.seconds / 2))
        seconds = time.monotonic() - start_s
        decisions = page.metric("stzsar_results_total") - before
        received = looking.received - received
        looking.close()
        return decisions / seconds, received / seconds / _MIB

    if number % 2:
        (with_viewers, sent), (without, _) = count(options.viewers), count(0)
    else:
        (without, _), (with_viewers, sent) = count(0), count(options.viewers)
    return Round(without, with_viewers, sent)


def _come_and_go(page: Page, streams: list[str], options: Options) -> dict[int, float]:
    memory = {0: page.metric("stzsar_resident_memory_bytes") / _MIB}
    steps = np.unique(np.linspace(0, options.connects, _STEPS + 1).round().astype(int))[1:]
    for number in range(1, options.connects + 1):
        viewer = page.view(streams)
        for _ in range(3):
            viewer.recv(1 << 16)
        viewer.close()
        if number in steps:
            time.sleep(0.5)
            memory[number] = page.metric("stzsar_resident_memory_bytes") / _MIB
    return memory


if __name__ == "__main__":
    main(prog_name="python -m stzsar.benchmarks.page")
