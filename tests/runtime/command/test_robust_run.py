"""What a run survives: readers that leave, full disks, signals while something hangs."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import program; program()"]
SHAPES = "test://moving-shapes?seconds={seconds}&fps=10"


def start(*arguments, **options):
    """Start stzsar-run as a process of its own, in which no signal is ignored."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **options,
    )


def rows(text, kind="result"):
    return [row for row in map(json.loads, text.splitlines()) if row["type"] == kind]


@pytest.mark.parametrize("kind", ["reader gone", "disk full", "closed"])
def test_messages_that_cannot_be_written_end_no_run(bundle, kind):
    """The stream is lost for good, which is said, and the summary is printed."""
    reader, writer = os.pipe()
    os.close(reader)
    stderr = os.open("/dev/full", os.O_WRONLY) if kind == "disk full" else writer
    arguments = ["--bundle", bundle, "--source", SHAPES.format(seconds=2), "--source", "none.mp4"]
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh"] if kind == "closed" else []
    process = subprocess.Popen(
        [*closed, *COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=stderr
    )
    os.close(writer)
    stdout, _ = process.communicate()

    assert len(rows(stdout)) > 3
    assert process.returncode == 2  # one source failed; all results are there


def test_a_run_that_nobody_reads_the_messages_of_ends_with_its_own_exit_code(bundle):
    reader, writer = os.pipe()
    os.close(reader)
    process = start("--bundle", bundle, "--source", SHAPES.format(seconds=1), stderr=writer)
    os.close(writer)
    process.communicate()

    assert process.returncode == 0


def test_a_warning_that_cannot_be_written_stops_no_sink(bundle, tmp_path):
    pytest.importorskip("urllib3")
    reader, writer = os.pipe()
    os.close(reader)
    process = start(
        *("--bundle", bundle, "--source", SHAPES.format(seconds=60), "--webhook-results"),
        *("--webhook", "http://127.0.0.1:9/"),
        stderr=writer,
    )
    os.close(writer)
    assert process.stdout is not None
    for line in process.stdout:
        found = json.loads(line)
        if found["type"] == "result" and found["window"][1] > 4:  # the webhook is said to be dead
            break
    process.terminate()  # or closing waits for the webhook
    process.communicate()

    assert process.returncode == 143


def test_a_terminal_that_closes_ends_the_run_as_sigterm_does(bundle, tmp_path):
    arguments = ("--source", SHAPES.format(seconds=60), "--threshold", 0.01, "--min-length", 0)
    process = start(
        *("--bundle", bundle, *arguments, "--video", tmp_path / "v.mp4"),
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    while json.loads(process.stdout.readline()).get("event") != "start":
        pass
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGHUP)  # a shell sends it again
    stdout, _ = process.communicate()

    assert process.returncode == 143
    assert rows(stdout, "event")[-1]["event"] == "end"
    assert (tmp_path / "v.mp4").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == ["v.mp4"]


def test_nohup_keeps_a_run_alive(bundle):
    """So started, SIGHUP is ignored."""
    process = subprocess.Popen(
        ["nohup", *COMMAND, "--bundle", str(bundle), "--source", SHAPES.format(seconds=2)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate()

    assert process.returncode == 0


# Stays in C for minutes, which no signal interrupts, as a graph may that never ends.
HANGS = """
import hashlib
from stzsar.runtime.command.cli import program
from stzsar.runtime.scoring.scorer import Scorer
def encode(*_, **__):
    print("hangs", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
Scorer.encode = encode
program()
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGINT, 130)]
)
def test_a_signal_ends_a_run_whose_graph_never_ends(bundle, tmp_path, number, code):
    arguments = ["--bundle", bundle, "--source", SHAPES.format(seconds=60)]
    process = subprocess.Popen(
        [sys.executable, "-c", HANGS, *map(str, arguments), "--output", tmp_path / "o.jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "hangs\n"
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == code
    assert "a graph, a driver or a disk did not return" in stderr


def test_a_watchdog_outside_the_main_thread_does_nothing():
    from stzsar.runtime.terminal.signals import StopSignals

    def use():
        with StopSignals(limit_s=0.1) as signals:
            seen.append(signals.received)

    seen: list[bool] = []
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [False]


def test_signals_of_a_forked_worker_do_not_end_its_parent():
    program = """
import os, signal, time
from stzsar.runtime.terminal.signals import StopSignals
with StopSignals(limit_s=0.1):
    child = os.fork()
    if not child:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        print("ready", flush=True)
        time.sleep(60)
        os._exit(1)
    time.sleep(1)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    time.sleep(0.5)  # the watchdog would have bitten
print(os.waitstatus_to_exitcode(status))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert done.stdout.split() == ["ready", "0"], done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """Run a program with a disk of 100 KiB at /mnt; needs root."""
    inside = [
        "unshare",
        "-m",
        "sh",
        "-c",
        'mount -t tmpfs -o size=100k none /mnt && exec "$@"',
        "sh",
    ]
    try:
        subprocess.run([*inside, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mount of its own without root")
    return inside


def test_a_full_disk_of_a_recording_ends_no_live_run(small_disk, bundle, tmp_path):
    """The disk has room again after a while; what is recorded until then can be replayed."""
    (tmp_path / "fill.sh").write_text(
        """
        dd if=/dev/zero of=/mnt/other bs=1k 2>/dev/null
        (for _ in $(seq 300); do grep -qi "no space left" said && break; sleep 0.1; done
         rm /mnt/other) &
        "$@" --record /mnt/a.rec 2>said; code=$?
        cp /mnt/a.rec a.rec; exit $code
        """
    )
    arguments = ["--bundle", bundle, "--source", SHAPES.format(seconds=8), "--record-features"]
    done = subprocess.run(
        [*small_disk, "sh", str(tmp_path / "fill.sh"), *COMMAND, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    said = (tmp_path / "said").read_text()
    assert done.returncode == 0, said
    assert rows(done.stdout)[-1]["window"][1] > 7
    assert "Cannot write the recording /mnt/a.rec: No space left on device." in said
    assert "The recording /mnt/a.rec goes on" in said
    replayed = subprocess.run(
        [*COMMAND, "--bundle", str(bundle), "--replay", str(tmp_path / "a.rec")],
        capture_output=True,
        text=True,
    )
    assert replayed.returncode == 0, replayed.stderr
    assert rows(replayed.stdout)[-1]["window"][1] > 7


def test_a_full_disk_of_the_lines_ends_no_live_run_that_also_reports_elsewhere(
    small_disk, bundle, tmp_path
):
    pytest.importorskip("urllib3")
    (tmp_path / "fill.sh").write_text(
        """
        dd if=/dev/zero of=/mnt/other bs=1k 2>/dev/null
        (for _ in $(seq 300); do grep -qi "no space left" said && break; sleep 0.1; done
         rm /mnt/other) &
        "$@" --output /mnt/o.jsonl 2>said; code=$?
        cp /mnt/o.jsonl o.jsonl; exit $code
        """
    )
    arguments = [
        "--bundle",
        bundle,
        "--source",
        SHAPES.format(seconds=10),
        "--webhook",
        "http://127.0.0.1:9/",
    ]
    done = subprocess.run(
        [*small_disk, "sh", str(tmp_path / "fill.sh"), *COMMAND, *map(str, arguments)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, (tmp_path / "said").read_text()
    assert "/mnt/o.jsonl" in (tmp_path / "said").read_text()
    found = rows((tmp_path / "o.jsonl").read_text())  # every line of it is whole
    assert found[-1]["window"][1] > 9


def test_file_names_are_utf8_under_a_locale_that_is_not(bundle, tmp_path, draw_video):
    draw_video(tmp_path / "clip.avi", ["red"] * 8).rename(tmp_path / "läuft é.avi")
    done = subprocess.run(
        [*COMMAND, "--bundle", str(bundle), "--source", str(tmp_path), "--whole"],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
    )

    assert done.returncode == 0, done.stderr
    assert [Path(row["source"]).name for row in rows(done.stdout)] == ["läuft é.avi"]
