"""stzsar-run with a page, as a program."""

import contextlib
import json
import re
import signal
import subprocess
import sys

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import program; program()"]


def the_end_of(viewer):
    """Return the last message of a viewer, and the code with which it was closed."""
    last = "[]"
    try:
        while True:
            last = viewer.recv()
    except ConnectionClosed as closed:
        return last, closed.rcvd and closed.rcvd.code


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_tells_viewers_and_ends_the_run_in_its_time(bundle, tmp_path, stop):
    process = subprocess.Popen(
        [*COMMAND, "test://moving-shapes", "--bundle", bundle, "--serve", "127.0.0.1:0",
         "--events", tmp_path / "events"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stderr
    said = ""
    while not (found := re.search(r"The live page: http://(\S+)/", said)):
        said += process.stderr.readline()
    address = f"ws://{found[1]}/api/live"
    with contextlib.ExitStack() as stack:
        viewers = [stack.enter_context(connect(address, compression=None)) for _ in range(5)]
        wanted = {"type": "watch", "small": ["test://moving-shapes"], "why": []}
        for viewer in viewers:
            viewer.send(json.dumps(wanted))
        while isinstance(viewers[0].recv(), str):  # a picture comes
            pass

        process.send_signal(stop)
        for viewer in viewers:
            last, code = the_end_of(viewer)
            assert (json.loads(last)[0]["type"], code) == ("bye", 1001)
    _, rest = process.communicate()

    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[stop]
    # The watchdog says so where an end takes too long, and so do sinks.
    assert "could not be closed" not in said + rest
    assert "Traceback" not in said + rest


def test_a_run_without_a_page_has_none(run_cli, bundle, assert_refused):
    assert_refused(run_cli("--bundle", bundle, "--tls-cert", "x", "red.mp4"), "requires --serve")
    assert_refused(run_cli("--replay", "x.rec", "--serve"), "no effect")
