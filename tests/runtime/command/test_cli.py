import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from stzsar.runtime.bundle import bundle as bundles
from stzsar.runtime.command.cli import main
from stzsar.runtime.command.video_paths import video_paths
from stzsar.runtime.sources.spec import specs_of
from stzsar.runtime.terminal.commandline import say

COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import main; main()"]


def lines(result) -> list[dict]:
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return [message for message in found if message["type"] == "result"]


def frame_count(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.grab():
        count += 1
    return count


@pytest.fixture
def run(run_cli, bundle):
    """Run stzsar-run with the fixture's bundle."""
    return lambda *arguments: run_cli("--bundle", bundle, *arguments)


def test_results_are_json_lines_on_stdout_and_the_rest_is_on_stderr(run, red_video):
    result = run("--source", red_video)

    assert result.exit_code == 0
    assert [(found["window"][0], found["window"][1]) for found in lines(result)] == [
        (index / 4, index / 4 + 0.75) for index in range(5)
    ]
    assert all(found["source"] == str(red_video) for found in lines(result))
    assert all(found["label"] == found["top"][0]["label"] == "red" for found in lines(result))
    assert "3 labels, on cpu" in result.stderr
    assert "mean score" in result.stderr


def test_a_quiet_run_says_nothing_but_results(run, red_video):
    result = run("--source", red_video, "--quiet")

    assert result.stderr == ""
    assert len(lines(result)) == 5


def test_whole_gives_one_result_for_each_file(run, tmp_path, draw_video):
    for colour in ("red", "green", "blue"):
        draw_video(tmp_path / f"{colour}.avi", [colour] * 8)

    result = run("--source", tmp_path, "--whole")

    assert [found["label"] for found in lines(result)] == ["blue", "green", "red"]


def test_labels_top_rate_and_seconds_do_what_they_say(run, tmp_path, red_video):
    (tmp_path / "labels.txt").write_text("yellow\nred\nÍjászat\n", encoding="utf-8")
    options = ("--top", 2, "--rate", 8, "--seconds", 1, "--threads", 1)

    result = run("--source", red_video, "--labels", tmp_path / "labels.txt", *options)

    found = lines(result)
    assert [row["window"][1] for row in found] == [0.375, 0.5, 0.625, 0.75, 0.875]
    assert [len(row["top"]) for row in found] == [2] * 5
    assert {row["label"] for row in found} == {"red"}


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ('{"version": 1, "a": 2}\n', '{"version": 1, "a": 2}\n'),
        ('{"version": 1, "a": 2}\n{"version": 1, "ty', '{"version": 1, "a": 2}\n'),
        ("notes of mine", "notes of mine\n"),
    ],
    ids=["whole lines", "half a line, as a power cut leaves it", "another file"],
)  # fmt: skip
def test_output_goes_after_the_lines_of_an_earlier_start(run, tmp_path, red_video, before, kept):
    output = tmp_path / "results.jsonl"
    output.write_text(before)

    result = run("--source", red_video, "--output", output)

    assert result.stdout == ""
    assert result.stderr.count("has lines already") == 1
    text = output.read_text()
    assert text.startswith(kept)
    found = [json.loads(line) for line in text.removeprefix(kept).splitlines()]
    assert [row["label"] for row in found if row["type"] == "result"] == ["red"] * 5


def test_a_recording_never_replaces_an_earlier_one(run, tmp_path, red_video):
    recording = tmp_path / "a.rec"
    said = [run("--source", red_video, "--record", recording).stderr for _ in range(3)]

    assert sorted(path.name for path in tmp_path.glob("*.rec")) == ["a-2.rec", "a-3.rec", "a.rec"]
    assert [text.count("holds a recording already") for text in said] == [0, 1, 1]
    assert len({path.stat().st_size for path in tmp_path.glob("*.rec")}) == 1


def test_the_video_of_a_camera_never_replaces_an_earlier_one(run, tmp_path, red_video):
    """That of a file can be made again, and does."""
    for source in ("test://moving-shapes?seconds=1", red_video):
        for _ in range(2):
            video = tmp_path / ("file.mp4" if source == red_video else "live.mp4")
            assert run("--source", source, "--video", video).exit_code == 0

    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == [
        *("file.mp4", "live-2.mp4", "live.mp4"),
    ]


def test_the_annotated_video_has_all_frames(run, tmp_path, red_video):
    result = run("--source", red_video, "--video", tmp_path / "out.mp4")

    assert len(lines(result)) == 5
    assert frame_count(tmp_path / "out.mp4") == 16


def test_several_sources_get_a_folder_of_videos(run, tmp_path, draw_video):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw_video(tmp_path / folder / "clip.avi", ["red"] * 8)
    sources = ("--source", tmp_path / "a", "--source", tmp_path / "b")

    assert run(*sources, "--video", tmp_path / "out").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "clip-2.mp4",
        "clip.mp4",
    ]
    refused = run(*sources, "--video", tmp_path / "out.mp4")
    assert refused.exit_code == 2
    assert "need a folder" in refused.stderr


def test_one_broken_source_of_several_does_not_stop_the_others(run, tmp_path, draw_video, cut):
    draw_video(tmp_path / "a.avi", ["red"] * 8)
    (tmp_path / "b.mp4").write_text("no video")
    cut(draw_video(tmp_path / "c.avi", ["red"] * 40), 0.5)
    draw_video(tmp_path / "d.avi", ["blue"] * 8)

    result = run("--source", tmp_path)

    assert result.exit_code == 2
    assert {Path(found["source"]).name for found in lines(result)} == {"a.avi", "c.avi", "d.avi"}
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert [("b.mp4" in errors[0]), ("c.avi" in errors[1])] == [True, True]
    assert errors[2:] == ["Error: 2 of 4 sources failed."]


def test_the_newest_bundle_is_used_and_what_it_knows_is_said(
    run_cli, own_bundle, tmp_path, monkeypatch, red_video
):
    monkeypatch.chdir(tmp_path)
    own_bundle.rename(tmp_path / "runs")

    result = run_cli("--source", red_video)

    assert result.exit_code == 0
    assert "the newest under runs/; it knows colours and not people" in result.stderr


def test_the_shipped_bundle_says_once_what_it_knows_in_a_quiet_run_too(
    run_cli, bundle, tmp_path, monkeypatch, red_video
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bundles, "shipped_bundle", lambda: bundle)

    quiet, loud = run_cli("--source", red_video, "--quiet"), run_cli("--source", red_video)

    assert quiet.stderr.splitlines() == [
        "No bundle was named and runs/ holds none: using the shipped one, which knows colours "
        "and not people."
    ]
    assert loud.stderr.count("colours and not people") == 1


def test_what_is_said_cannot_steer_the_terminal(capsys):
    say("knows\x1b[2J shapes\nand\x9b colours")

    assert capsys.readouterr().err == "knows [2J shapes and  colours\n"


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("rtsp://admin:hunter2@cam.mp4/live?token=abc.mp4", "cam.mp4-live.mp4"),
        ("rtsp://cam/user=me_password=x_channel=1", "cam-user-_password-_channel-1.mp4"),
        ("rtsp://me:p/w@cam/x", "stream.mp4"),
        ("0", "camera-0.mp4"),
        ("/dev/video2", "camera-2.mp4"),
        ("clips/a.b.mkv", "a.b.mp4"),
    ],
)
def test_the_name_of_a_video_holds_no_password(tmp_path, uri, name):
    assert list(video_paths(specs_of([uri]), tmp_path).values()) == [tmp_path / name]


def test_a_camera_is_followed_until_its_time_is_up(run, monkeypatch):
    class Camera:
        def __init__(self, *_arguments): ...
        def __getattr__(self, name):
            return lambda *_arguments: name == "isOpened"

        def grab(self):
            time.sleep(0.01)
            return True

        def retrieve(self):
            return True, np.full((48, 64, 3), (255, 0, 0), np.uint8)

    monkeypatch.setattr(cv2, "VideoCapture", Camera)

    result = run("--camera", 0, "--seconds", 1.2)

    assert result.exit_code == 0
    assert {(found["source"], found["label"]) for found in lines(result)} == {("camera 0", "blue")}


def test_a_reader_that_leaves_early_ends_the_run_quietly(bundle, tmp_path, draw_video):
    video = draw_video(tmp_path / "clip.avi", ["red"] * 400)

    process = subprocess.Popen(
        [*COMMAND, *_strings("--bundle", bundle, "--source", video, "--quiet", "--rate", 8)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["label"] == "red"
    process.stdout.close()
    _, stderr = process.communicate()

    assert process.returncode == 141
    assert stderr == b""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "Stopped."), (signal.SIGTERM, 143, "")],
)
def test_ctrl_c_and_sigterm_stop_cleanly_and_keep_the_video_so_far(
    bundle, tmp_path, number, code, word
):
    arguments = ("--bundle", bundle, "--source", "test://moving-shapes", "--threshold", 0.01)
    arguments = (*arguments, "--video", tmp_path / "out.mp4", "--min-length", 0)

    process = follow_until(["start"], arguments)
    process.send_signal(number)
    stdout, stderr = process.communicate()

    assert process.returncode == code
    said = [json.loads(line) for line in stdout.splitlines()]
    assert [row["event"] for row in said if row["type"] == "event"][-1] == "end"
    assert said[-1]["state"] == "ended"
    assert word in stderr
    assert "Traceback" not in stderr
    assert frame_count(tmp_path / "out.mp4") > 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_second_ctrl_c_ends_the_run_at_once(bundle, tmp_path):
    """The first would wait for a pipe that nobody reads any more."""
    arguments = ("--bundle", bundle, "--source", "test://moving-shapes")
    process = follow_until(["live"], arguments)

    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)

    assert process.wait(60) in (130, 143)


def follow_until(wanted, arguments):
    """Start stzsar-run; return it once it has written a message of a `wanted` kind."""
    process = subprocess.Popen(
        [*COMMAND, *_strings(*arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # nohup, or a script's &, ignores it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    for line in process.stdout:
        message = json.loads(line)
        if {message.get("event"), message.get("state")} & set(wanted):
            return process
    raise AssertionError(process.communicate())


def test_the_options_are_the_agreed_ones():
    names = {option for parameter in main.params for option in parameter.opts}

    # A new option is a promise: add it here knowingly.
    assert names == {
        "--regions",
        *("--verify", "--verify-llm", "--verify-model", "--verify-label", "--verify-timeout"),
        *("--source", "--camera", "--streams", "--replay", "--seconds", "--stalled", "--give-up"),
        *("--bundle", "--labels", "--ignore", "--rate", "--window", "--whole", "--motion-gate"),
        *("--batch-wait", "--engine", "--trust-engines", "--threads", "--no-attributes"),
        *("--seen-bias", "--threshold", "--min-length", "--cool-down", "--explain"),
        *("--calibrate", "--calibration", "--false-alarms", "--suggest-ignore"),
        *("--show-regions", "--idle"),
        *("--events", "--before", "--after", "--clip-rate", "--clip-memory", "--keep"),
        *("--output", "--json", "--events-only", "--top", "--video", "--show", "--quiet"),
        *("--record", "--record-features", "--record-patches"),
        *("--webhook", "--webhook-secret", "--webhook-results", "--webhook-form"),
        *("--webhook-still", "--notify", "--mqtt", "--mqtt-ca", "--mqtt-discovery", "--metrics"),
        *("named", "--frame-rate"),
        *("--serve", "--serve-token", "--tls-cert", "--tls-key"),
        *("--archive", "--archive-stretch", "--archive-patches", "--archive-days"),
        "--archive-size",
        *("--debug", "--version"),
    }


def test_every_option_has_a_help_text(run_cli):
    assert all(getattr(parameter, "help", None) for parameter in main.params)
    assert "Examples:" in run_cli("--help").stdout


def test_the_version_is_printed(run_cli):
    assert importlib.metadata.version("stzsar") in run_cli("--version").stdout


def _strings(*arguments: object) -> list[str]:
    return [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments]
