"""A whole run over a real RTSP server that dies and comes back."""

import json
import signal
import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import program; program()"]


@pytest.mark.live
def test_a_stream_that_dies_comes_back_and_no_window_spans_it_and_others_never_notice(
    bundle, rtsp_server
):
    server = rtsp_server(login="me:hunter2")
    url = server.url("me:hunter2@")
    arguments = ["--bundle", bundle, "--source", url, "--source", "test://moving-shapes?fps=30"]
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout
    lines, seen, wanted = [], [], iter(["live", "result", "lost", "live", "result", "end"])
    now = next(wanted)
    for line in process.stdout:
        lines.append(line)
        message = json.loads(line)
        if not message["source"].startswith("rtsp"):
            continue
        seen.append(message)
        if now not in (message["type"], message.get("state")):
            continue
        if now == "result" and "lost" not in [row.get("state") for row in seen]:
            server.kill()
        if now == "lost":
            server.start(width=640, height=480)
        now = next(wanted)
        if now == "end":
            process.send_signal(signal.SIGINT)
            break
    rest, stderr = process.communicate()

    assert process.returncode == 130
    assert "hunter2" not in "".join(lines) + rest + stderr
    assert stderr.count("is lost") == stderr.count("is back") == 1
    found = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    results = [row for row in found if row["type"] == "result"]
    states = {row["state"]: row["time"] for row in found if row["type"] == "stream"
              and row["source"].startswith("rtsp")}  # fmt: skip
    cut_s = max(row["window"][1] for row in seen[:-1] if row["type"] == "result")
    back_s = seen[-1]["window"][0]
    assert back_s - cut_s > 0.5  # it was away, and time went on
    for row in results:
        if row["source"].startswith("rtsp"):
            assert row["window"][1] <= cut_s or row["window"][0] >= back_s
    others = [row for row in found if row["source"].startswith("test")]
    assert [row["state"] for row in others if row["type"] == "stream"][:2] == ["connecting", "live"]
    assert [row for row in others if states["lost"] < row["time"] < states["live"]]
