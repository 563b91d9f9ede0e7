import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from stzsar.runtime.streams import loop

COMMAND = [sys.executable, "-c", "from stzsar.runtime.command.cli import main; main()"]


def lines(result) -> list[dict]:
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return [message for message in found if message["type"] == "result"]


@pytest.fixture
def run(run_cli, bundle):
    """Run stzsar-run with the fixture's bundle."""
    return lambda *arguments: run_cli("--bundle", bundle, *arguments)


@pytest.mark.parametrize("mode", [[], ["--whole"]])
def test_a_truncated_file_gives_results_and_an_error(
    run, assert_refused, tmp_path, draw_video, cut, mode
):
    path = cut(draw_video(tmp_path / "clip.avi", ["red"] * 40), 0.5)

    result = run("--source", path, *mode)

    assert {found["label"] for found in lines(result)} == {"red"}
    assert_refused(result, "clip.avi ends after", "of 40 announced frames")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("none.mp4", "No such file"),
        ("*.mkv", "No file matches"),
        ("empty", "holds no video"),
        ("empty.mp4", "empty file"),
        ("text.mp4", "not a video that can be read"),
        ("9999", "There is no camera 9999"),
        ("", "A source is empty"),
        ("7" * 5000, "There is no camera 7777"),
        ("rtsp://[bad/x", "The address rtsp://… is not valid"),
        ("http://me:secret@127.0.0.1:9/video", "No video comes from http://127.0.0.1:9/video"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused(
    run, assert_refused, tmp_path, monkeypatch, source, message
):
    monkeypatch.setattr(loop, "FIRST_PICTURE_S", 0.5)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("text")

    result = run("--source", source)

    assert_refused(result, message)
    assert not lines(result)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "holds no labels"),
        (b"a\na\n", "twice"),
        (b"\xe1rv\xedz", "not UTF-8"),
        (b"a\0b", "not a text file"),
        (b"\n".join(b"label %d" % i for i in range(100_000)), "100000 labels"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    run, assert_refused, tmp_path, red_video, content, message
):
    path = tmp_path / "labels.txt"
    if content is not None:
        path.write_bytes(content)

    assert_refused(run("--source", red_video, "--labels", path), "labels.txt", message)


def test_unknown_labels_are_refused_with_the_nearest(
    run_cli, assert_refused, mute_bundle, tmp_path, red_video
):
    (tmp_path / "labels.txt").write_text("gren\n")

    result = run_cli(
        *("--bundle", mute_bundle, "--source", red_video, "--labels", tmp_path / "labels.txt")
    )

    assert_refused(result, "'gren' (nearest: 'green'")


def test_a_bundle_that_cannot_be_used_is_refused(
    run_cli, assert_refused, tmp_path, own_bundle, rewrite_manifest, red_video
):
    (tmp_path / "empty").mkdir()
    assert_refused(run_cli("--bundle", tmp_path / "empty", "--source", red_video), "not a bundle")
    (own_bundle / "frame.onnx").write_bytes(b"")
    assert_refused(run_cli("--bundle", own_bundle, "--source", red_video), "was changed")
    rewrite_manifest(own_bundle, format_version=9)
    assert_refused(run_cli("--bundle", own_bundle, "--source", red_video), "format version 9")


def test_without_a_source_the_first_camera_is_used_and_this_is_said(
    run, assert_refused, monkeypatch
):
    class NoCamera:
        def __init__(self, *_arguments): ...
        def __getattr__(self, _name):
            return lambda *_arguments: 0

    monkeypatch.setattr(cv2, "VideoCapture", NoCamera)

    result = run()

    assert "looking at camera 0" in result.stderr
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--camera", "0", "--whole"], "has no end"),
        (
            ["--source", "x.mp4", "--whole", "--video", "y.mp4"],
            "--video has no effect with --whole",
        ),
        (
            ["--source", "x.mp4", "--whole", "--seconds", "2"],
            "--seconds has no effect with --whole",
        ),
        (["--source", "x.mp4", "--whole", "--rate", "2"], "--rate has no effect with --whole"),
        (["--source", "rtsp://me:pw@cam/x", "--whole"], "'rtsp://cam/x' has no end"),
        (["--source", "x.mp4", "--give-up", "2"], "--give-up is for live sources"),
        (["--replay", "x", "--webhook-results"], "--webhook-results has no effect: --replay"),
        (["--source", "x.mp4", "--mqtt-ca", "x"], "--mqtt-ca requires --mqtt"),
        (
            ["--source", "x.mp4", "--false-alarms", "2"],
            "--false-alarms has no effect: it belongs to --calibrate",
        ),
        (["--source", "x.mp4", "--record-features"], "--record-features requires --record"),
        (["--replay", "x", "--camera", "0"], "--camera has no effect: --replay"),
        (["--replay", "x", "--rate", "2"], "--rate has no effect: --replay"),
        (["--calibrate", "x.mp4", "--source", "y.mp4"], "--source has no effect: --calibrate"),
    ],
)
def test_options_that_contradict_each_other_are_refused(run, assert_refused, arguments, message):
    assert_refused(run(*arguments), message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "./red.avi"], "is a source"),
        (["--output", "hard-link.avi"], "is a source"),
        (["--output", "link.avi"], "is a source"),
        (["--video", "red.avi"], "is a source"),
        (["--labels", "labels.txt", "--output", "labels.txt"], "is the label file"),
        (["--output", "o.mp4", "--video", "./o.mp4"], "is another output"),
        (["--output", "linked-bundle/manifest.json"], "lies in the bundle"),
        (["--output", "linked-bundle/new.jsonl"], "lies in the bundle"),
    ],
)
def test_an_output_never_overwrites_what_is_read_or_another_output(
    run, assert_refused, tmp_path, red_video, bundle, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hard-link.avi").hardlink_to(red_video)
    (tmp_path / "link.avi").symlink_to(red_video)
    (tmp_path / "linked-bundle").symlink_to(bundle)
    (tmp_path / "labels.txt").write_text("red\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    assert_refused(run("--source", red_video, *arguments), message)
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_a_closed_stdout_is_refused_unless_results_go_to_a_file(bundle, red_video, tmp_path):
    arguments = _strings("--bundle", bundle, "--source", red_video, "--quiet")
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *arguments]

    ended = subprocess.run(closed, capture_output=True, text=True)

    assert ended.returncode == 2
    assert ended.stderr == "Error: Results go to stdout, which is closed: give --output FILE.\n"
    assert subprocess.run([*closed, "--output", str(tmp_path / "o.jsonl")]).returncode == 0
    assert (tmp_path / "o.jsonl").read_text().count('"type": "result"') == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rate", "0"],
        ["--rate", "nan"],
        ["--rate", "inf"],
        ["--seconds", "-1"],
        ["--top", "0"],
        ["--threads", "-1"],
        ["--threads", "1000000000000"],
        ["--camera", "100"],
        ["--camera", "99999999999"],
        ["--camera", "-1"],
        ["--camera", "front"],
        ["--nonsense"],
    ],
)
def test_values_that_make_no_sense_are_refused_by_click(run_cli, arguments):
    result = run_cli(*arguments)

    assert result.exit_code == 2
    assert "Usage: " in result.stderr


@pytest.mark.parametrize("option", ["--output", "--video"])
def test_an_output_that_cannot_be_written_is_refused(
    run, assert_refused, tmp_path, red_video, option
):
    result = run("--source", red_video, option, tmp_path / "none" / "out.mp4")

    assert_refused(result, "Cannot write", "No such file or directory")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_one_sentence(run, assert_refused, red_video):
    assert_refused(run("--source", red_video, "--output", "/dev/full"), "No space left on device")


def test_a_video_that_does_not_fit_on_the_disk_is_one_sentence(bundle, tmp_path, draw_video):
    resource = pytest.importorskip("resource")
    video = draw_video(tmp_path / "clip.avi", ["red", "green", "blue"] * 40)

    ended = subprocess.run(
        [*COMMAND, *_strings("--bundle", bundle, "--source", video, "--video", tmp_path / "o.mp4")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)),
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith("could not be written: is the disk full?")
    assert list(tmp_path.iterdir()) == [video]


def test_a_missing_file_is_refused_before_the_network_is_loaded(run_cli, bundle):
    result = run_cli("none.mp4", "--bundle", bundle)

    assert result.exit_code == 2
    assert result.stderr == "Error: Cannot read the video none.mp4: No such file or directory.\n"


def test_debug_shows_the_traceback(run):
    result = run("--source", "none.mp4", "--debug")

    assert type(result.exception).__name__ == "SourceError"


def _strings(*arguments: object) -> list[str]:
    return [os.fspath(a) if isinstance(a, Path) else str(a) for a in arguments]
