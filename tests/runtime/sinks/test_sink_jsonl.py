import io
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.results import ActionEvent, Recognition, Score
from stzsar.runtime.sinks.jsonl import JsonLines

RESULT = Recognition("clip", 0.0, 1.0, 4, (Score("red", 0.75, 0.5),))
EVENT = ActionEvent("start", "clip", "red", 1.0, None, 0.75, 0.5)
WRITER = (
    "import sys, time\n"
    "from stzsar.runtime.results import ActionEvent, Recognition, Score\n"
    "from stzsar.runtime.sinks.jsonl import JsonLines\n"
    "sink = JsonLines(None, complete=False)\n"
    "result = Recognition('clip', 0.0, 1.0, 4, (Score('x' * 1000, 0.75, 0.5),))\n"
)


def types(path):
    return [json.loads(line)["type"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(
    ("only_events", "expected"), [(False, ["result", "event", "result"]), (True, ["event"])]
)
def test_messages_become_lines(tmp_path, complete, only_events, expected):
    sink = JsonLines(tmp_path / "out.jsonl", complete=complete, only_events=only_events)

    for message in (RESULT, EVENT, RESULT):
        sink.put(message)
    sink.close(30)

    assert types(tmp_path / "out.jsonl") == expected
    assert sink.counters.delivered == len(expected)


def test_a_line_of_a_complete_sink_is_there_at_once(tmp_path):
    sink = JsonLines(tmp_path / "out.jsonl")

    sink.put(RESULT)

    assert types(tmp_path / "out.jsonl") == ["result"]
    sink.close(1)


def test_a_stdout_that_takes_text_only_gets_the_lines_as_text(monkeypatch):
    """A notebook's has no `buffer`, nor has what `contextlib.redirect_stdout` is given."""
    text = io.StringIO()
    monkeypatch.setattr(sys, "stdout", text)
    with JsonLines(None) as sink:
        sink.put(replace(EVENT, label="íjászat"))

    assert json.loads(text.getvalue())["label"] == "íjászat"


def test_a_full_disk_ends_a_live_run_as_it_ends_one_over_files():
    sink = JsonLines(Path("/dev/full"), complete=False)
    sink.put(RESULT)

    with pytest.raises(StzsarError, match="No space left on device"):
        sink.close(30)


# A limit on the size of files is as good as a full disk: it takes a part of a line.
FULL = (
    "import logging, resource, signal, sys\n"
    "from pathlib import Path\n"
    "from stzsar.runtime.errors import StzsarError\n"
    "from stzsar.runtime.results import Recognition, Score\n"
    "from stzsar.runtime.sinks.jsonl import JsonLines\n"
    "logging.basicConfig(stream=sys.stdout, format='%(message)s')\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "result = Recognition('clip', 0.0, 1.0, 4, (Score('red', 0.75, 0.5),))\n"
    "def limit(size): resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))\n"
)


def run_full(program, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", FULL + program, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("complete", [True, False])
def test_a_disk_that_fills_up_leaves_whole_lines_and_the_sentence_names_the_file(
    tmp_path, complete
):
    path = tmp_path / "out.jsonl"
    said = run_full(
        f"limit(1000)\nsink = JsonLines(Path(sys.argv[1]), complete={complete})\n"
        "try:\n"
        "    for _ in range(50): sink.put(result)\n"
        "    sink.close(30)\n"
        "except StzsarError as error: print(error)\n",
        str(path),
    )

    assert said == f"Cannot write the results to {path}: File too large.\n"
    assert set(types(path)) == {"result"}


def test_a_full_disk_of_stdout_leaves_whole_lines(tmp_path):
    path = tmp_path / "out.jsonl"
    program = (
        "limit(1000)\nsink = JsonLines(None)\n"
        "try:\n"
        "    while True: sink.put(result)\n"
        "except StzsarError as error: sys.exit(7)\n"
    )
    with path.open("wb") as stdout:
        done = subprocess.run([sys.executable, "-c", FULL + program], stdout=stdout)

    assert done.returncode == 7
    assert set(types(path)) == {"result"}


def test_where_results_go_elsewhere_too_lines_wait_until_there_is_room(tmp_path):
    path = tmp_path / "out.jsonl"
    said = run_full(
        "import time\n"
        "from stzsar.runtime.sinks.queued import Queued\n"
        "limit(1000)\n"
        "sink = JsonLines(Path(sys.argv[1]), complete=False, keep_trying=True)\n"
        "for _ in range(50): sink.put(result)\n"
        "while not sink._queue._dead: time.sleep(0.01)\n"
        "limit(resource.RLIM_INFINITY)\n"
        "sink.close(30)\n",
        str(path),
    )

    assert said == f"{path}: file too large; the run goes on.\n{path}: works again.\n"
    assert types(path) == ["result"] * 50


def test_a_fifo_that_nobody_empties_holds_up_nothing_and_gets_the_events_first(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    sink = JsonLines(fifo, complete=False)

    for _ in range(20):
        sink.put(EVENT)
        for _ in range(500):
            sink.put(RESULT)
    lines: list[bytes] = []
    thread = threading.Thread(target=_read_all, args=(reader, lines))
    thread.start()
    sink.close(30)
    thread.join()

    found = [json.loads(line) for line in b"".join(lines).splitlines()]
    assert [line["type"] for line in found].count("event") == 20
    assert sink.counters.dropped > 5000
    assert sink.counters.delivered + sink.counters.dropped == 20 * 501
    assert len(found) == sink.counters.delivered


def test_a_fifo_that_nobody_reads_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(StzsarError, match="fifo: nobody reads this pipe"):
        JsonLines(tmp_path / "fifo", complete=False)


def _read_all(reader, lines):
    os.set_blocking(reader, True)
    while part := os.read(reader, 65536):
        lines.append(part)


def test_a_reader_that_stops_reading_does_not_keep_the_command_from_ending():
    program = WRITER + "for _ in range(5000): sink.put(result)\nsink.close(0.2)\n"

    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = process.stderr.read()  # ends with the process; stdout is full and stays so
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    process.stderr.close()

    assert process.returncode == 0, said
    assert b"dropped" in said
    assert b"Fatal" not in said


def test_a_reader_that_leaves_ends_a_live_run():
    program = WRITER + (
        "try:\n    while True:\n        sink.put(result)\n        time.sleep(0.001)\n"
        "except BrokenPipeError:\n    sink.close(1)\n    sys.exit(7)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()

    process.wait()
    assert process.stderr is not None
    process.stderr.close()
    assert process.returncode == 7


def test_a_pipe_that_is_set_not_to_block_loses_no_line(tmp_path, monkeypatch):
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with os.fdopen(write_end, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        sink = JsonLines(None, complete=False)
        for _ in range(900):
            sink.put(RESULT)
        time.sleep(0.05)
        lines: list[bytes] = []
        thread = threading.Thread(target=_read_all, args=(read_end, lines))
        thread.start()
        sink.close(30)
        monkeypatch.undo()
    thread.join()
    os.close(read_end)

    assert len([json.loads(line) for line in b"".join(lines).splitlines()]) == 900
