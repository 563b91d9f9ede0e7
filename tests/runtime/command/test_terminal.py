"""The command in a real terminal: what a person sees, and where the JSON lines go."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

pytestmark = pytest.mark.live
LIVE = "test://moving-shapes?seconds={seconds}&seed={seed}"


class Terminal:
    """A pseudo-terminal, all that was written to it, and the process that runs in it."""

    def __init__(self, command, *, columns, rows, out=None, err=None, term="xterm"):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        unwanted = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE")
        environment = {k: v for k, v in os.environ.items() if k not in unwanted}
        self.process = subprocess.Popen(
            [sys.executable, "-Im", "stzsar.runtime.command.cli", *map(str, command)],
            stdin=slave,
            stdout=out or slave,
            stderr=err or slave,
            env={**environment, "TERM": term, "PYTHONUTF8": "1"},
        )
        os.close(slave)
        self.seen = b""

    def read(self, until=None, timeout_s=60.0):
        """Read until a text is seen, or to the end."""
        deadline_s = time.monotonic() + timeout_s
        while not (until and until.encode() in self.seen):
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not select.select([self.master], [], [], left_s)[0]:
                break
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not piece:
                break
            self.seen += piece
        return self.seen.decode(errors="replace")

    def end(self):
        text = self.read()
        return self.process.wait(60), text


@pytest.fixture
def terminal(bundle):
    made = []

    def start(*arguments, columns=80, rows=24, **options):
        command = ["--bundle", bundle, *arguments]
        made.append(Terminal(command, columns=columns, rows=rows, **options))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()
        os.close(one.master)


@pytest.fixture
def long_red_video(tmp_path, draw_video):
    """A file that is read for longer than the time between two drawings."""
    return draw_video(tmp_path / "long.avi", ["red"] * 3000)


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def json_lines(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_terminal_shows_live_lines_and_then_the_summary(terminal, long_red_video):
    code, text = terminal("--source", long_red_video).end()

    assert code == 0
    assert '{"version"' not in text
    assert "▶ red" in plain(text)
    assert "is decided" in text
    table = plain(text)[plain(text).rindex("mean score") :]
    assert "red" in table
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back


def test_json_lines_come_to_a_terminal_if_they_are_asked_for(terminal, red_video):
    code, text = terminal("--source", red_video, "--json").end()

    assert code == 0
    assert len([row for row in json_lines(plain(text)) if row["type"] == "result"]) == 5
    assert "is decided" not in text


@pytest.mark.parametrize("how", ["quiet", "dumb"])
def test_json_lines_come_to_a_terminal_that_would_show_nothing_else(terminal, red_video, how):
    if how == "quiet":
        program = terminal("--source", red_video, "--quiet")
    else:
        program = terminal("--source", red_video, term="dumb")
    code, text = program.end()

    assert code == 0
    assert len(json_lines(plain(text))) == 7


def test_a_file_gets_the_lines_while_the_terminal_shows_how_far_it_is(
    terminal, long_red_video, tmp_path
):
    with (tmp_path / "out.jsonl").open("wb") as out:
        redirected = terminal("--source", long_red_video, out=out)
        code, text = redirected.end()
    named = tmp_path / "named.jsonl"
    code_named, text_named = terminal("--source", long_red_video, "--output", named).end()

    assert code == code_named == 0
    for seen, file in ((text, tmp_path / "out.jsonl"), (text_named, named)):
        assert "is decided" in seen
        assert '{"version"' not in seen
        # Of 1,500 samples, all but the first window's; the action starts and ends.
        assert len(json_lines(file.read_text())) == 1497 + 2


def test_beside_the_reader_of_a_pipe_one_line_is_drawn(terminal, red_video):
    program = terminal("--source", red_video, out=subprocess.PIPE)
    code, text = program.end()

    assert code == 0
    assert "is decided" not in text
    assert len(json_lines(program.process.stdout.read().decode())) == 7
    # Nothing moves the cursor up, where the other program may have written, until the summary.
    assert "\x1b[2A" not in text


def test_messages_in_a_file_leave_the_terminal_to_the_live_lines(
    terminal, long_red_video, tmp_path
):
    with (tmp_path / "log").open("wb") as log:
        code, text = terminal("--source", long_red_video, err=log).end()

    assert code == 0
    assert "is decided" in text
    assert '{"version"' not in text
    assert "labels, on cpu" in (tmp_path / "log").read_text()
    assert "labels, on cpu" not in text


@pytest.mark.parametrize("columns", [60, 100])
def test_twenty_streams_fit_into_any_terminal(terminal, columns):
    sources = [("--source", LIVE.format(seconds=3, seed=seed)) for seed in range(20)]
    program = terminal(*(word for pair in sources for word in pair), columns=columns, rows=15)
    program.read(until=" more: ")
    code, text = program.end()

    assert code == 0
    assert "and " in text
    assert " more: " in text
    # Of what is drawn, nothing is longer than a line: the terminal would break it, and the lines
    # would climb.
    frames = plain(text.replace("\r", "\n")).splitlines()
    assert max(len(row) for row in frames if row.startswith(("●", "○", "  stream"))) <= columns


def test_a_lost_stream_is_shown_as_lost_and_ctrl_c_ends_with_the_summary(terminal):
    dead = "rtsp://me:secret@127.0.0.1:9/x"
    program = terminal("--source", dead, "--source", LIVE.format(seconds=60, seed=1))
    program.read(until=" ms ")  # the age of a result
    program.read(until="✗ ")
    program.process.send_signal(signal.SIGINT)
    code, text = program.end()

    assert code == 130
    assert "lost: No video comes" in plain(text)
    assert "secret" not in text
    assert "mean score" in plain(text)[-1500:]
    assert "Stopped." in text


def test_a_terminal_is_drawn_a_few_times_a_second_however_many_results_come(terminal):
    program = terminal("--source", LIVE.format(seconds=4, seed=1), "--rate", 30, "--min-length", 60)
    _, text = program.end()

    drawn = text.count("is decided")
    assert 3 <= drawn <= 4.5 * 8


def test_a_replay_shows_its_events(terminal, run_cli, bundle, red_video, tmp_path):
    recording = tmp_path / "a.rec"
    run_cli("--bundle", bundle, "--source", red_video, "--record", recording)

    code, text = terminal("--replay", recording).end()
    code_json, text_json = terminal("--replay", recording, "--json").end()

    assert code == code_json == 0
    assert "▶ red" in plain(text)
    assert '{"version"' not in text
    assert len(json_lines(plain(text_json))) == 7


def test_whole_files_are_printed_one_by_one(terminal, red_video):
    _, text = terminal("--source", red_video, "--whole").end()

    assert re.search(r"▶ red +━+ +100%", plain(text)) is None  # nothing is decided
    assert re.search(r"red +━+ +100%", plain(text))
    assert '{"version"' not in text


def test_json_beside_an_output_is_refused(run_cli, bundle, red_video, tmp_path):
    result = run_cli(
        *("--bundle", bundle, "--source", red_video, "--json", "--output", tmp_path / "x.jsonl")
    )

    assert result.exit_code == 2
    assert "--json writes the JSON lines to stdout, and --output to" in result.stderr
