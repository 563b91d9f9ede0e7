"""What people type first: a source without an option, labels without a file, bundles."""

import json
import os
import shutil

import cv2
import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import Bundle, bundle_at
from stzsar.runtime.command.options import ReplayOptions, RunOptions
from stzsar.runtime.errors import RecordingError, StzsarError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recordings.find_bundle import bundle_of


def results(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if line["type"] == "result"]


def test_sources_stand_without_an_option_alone_and_beside_it(
    bundle, draw_video, red_video, run_cli, tmp_path
):
    blue = draw_video(tmp_path / "blue.avi", ["blue"] * 16)
    out = tmp_path / "out.jsonl"

    result = run_cli(red_video, "--bundle", bundle, "--output", out)
    assert result.exit_code == 0, result.stderr
    assert {line["source"] for line in results(out)} == {str(red_video)}
    result = run_cli("--source", blue, "--bundle", bundle, red_video, "--output", out)
    assert result.exit_code == 0, result.stderr
    assert {line["source"] for line in results(out)} == {str(red_video), str(blue)}


@pytest.mark.parametrize("mode", [("--replay", "a.rec"), ("--calibrate", "night.mp4")])
def test_a_source_has_no_effect_on_a_replay_or_a_calibration(mode, run_cli, assert_refused):
    result = run_cli("clip.mp4", *mode)

    assert_refused(result, "SOURCE has no effect", "Leave one of them out")


def test_labels_are_typed_or_in_a_file(bundle, red_video, run_cli, assert_refused, tmp_path):
    out = tmp_path / "out.jsonl"

    result = run_cli(red_video, "--bundle", bundle, "--labels", "green, red", "--output", out)
    assert result.exit_code == 0, result.stderr
    assert {label["label"] for label in results(out)[0]["top"]} == {"green", "red"}
    (tmp_path / "labels.yaml").write_text("- green\n- red\n")
    result = run_cli(
        red_video, "--bundle", bundle, "--labels", tmp_path / "labels.yaml", "--output", out
    )
    assert result.exit_code == 0, result.stderr
    assert {label["label"] for label in results(out)[0]["top"]} == {"green", "red"}
    assert_refused(run_cli(red_video, "--labels", "labls.txt"), "labls.txt", "No such file")
    for option in ("--labels", "--ignore"):
        refused = run_cli(red_video, option, "archery")
        assert_refused(refused, f"There is no file 'archery' for {option}:")


def test_typed_labels_are_those_of_streams_without_their_own(bundle, red_video, run_cli, tmp_path):
    (tmp_path / "own.csv").write_text("label\nblue\nred\n")
    (tmp_path / "streams.toml").write_text(
        f'[[stream]]\nname = "a"\nsource = "{red_video}"\nlabels = "own.csv"\n'
        f'[[stream]]\nname = "b"\nsource = "{red_video}"\n'
    )
    out = tmp_path / "out.jsonl"

    result = run_cli(
        "--streams", tmp_path / "streams.toml", "--bundle", bundle, "--labels", "green,red",
        "--output", out,
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    found = {line["source"]: {label["label"] for label in line["top"]} for line in results(out)}
    assert found == {"a": {"blue", "red"}, "b": {"green", "red"}}


def test_a_stream_has_labels_and_pictures_a_rate_of_its_own(bundle, run_cli, tmp_path):
    for name in ("slow", "fast"):
        (tmp_path / name).mkdir()
        for number in range(16):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), np.full((64, 64, 3), 60, np.uint8))
    (tmp_path / "streams.toml").write_text(
        '[[stream]]\nname = "a"\nsource = "slow"\nlabels = ["blue", "red"]\nframe-rate = 4\n'
        '[[stream]]\nname = "b"\nsource = "fast"\n'
    )
    out = tmp_path / "out.jsonl"

    result = run_cli(
        "--streams", tmp_path / "streams.toml", "--bundle", bundle, "--labels", "green,red",
        "--frame-rate", 8, "--window", 1, "--output", out,
    )  # fmt: skip

    assert result.exit_code == 0, result.stderr
    found = {line["source"]: {label["label"] for label in line["top"]} for line in results(out)}
    assert found == {"a": {"blue", "red"}, "b": {"green", "red"}}
    ends = {line["source"]: line["window"][1] for line in results(out)}  # of the last window
    assert ends == {"a": pytest.approx(4, abs=0.3), "b": pytest.approx(2, abs=0.3)}
    assert "taking the pictures" not in result.stderr


def test_python_gives_labels_as_it_has_them():
    assert RunOptions(labels={"a": ["b"]}).labels == (Label("a", attributes=("b",)),)
    assert RunOptions(labels=["a", "b"]).read_labels() == (Label("a"), Label("b"))
    assert RunOptions().read_labels() is None
    with pytest.raises(StzsarError, match="3 is not labels"):
        RunOptions(labels=3)  # pyright: ignore[reportArgumentType]


def test_a_bundle_is_found_in_the_folder_above_it(bundle, tmp_path, caplog):
    first, second = tmp_path / "runs" / "a" / "bundle", tmp_path / "runs" / "b"
    shutil.copytree(bundle, first)
    assert bundle_at(tmp_path / "runs" / "a") == first
    assert bundle_at(first) == first
    assert Bundle.open(tmp_path / "runs").path == first

    shutil.copytree(bundle, second)
    os.utime(first / "manifest.json", ns=(1, 1))
    caplog.set_level("INFO")
    assert bundle_at(tmp_path / "runs") == second
    assert "holds 2 bundles: taking the newest" in caplog.text


def test_a_folder_without_a_bundle_is_refused(tmp_path, red_video, run_cli, assert_refused):
    (tmp_path / "empty").mkdir()

    assert_refused(
        run_cli(red_video, "--bundle", tmp_path / "empty"), "is not a bundle and holds none"
    )


@pytest.fixture
def recording(bundle, red_video, run_cli, tmp_path):
    path = tmp_path / "recorded" / "a.rec"
    path.parent.mkdir()
    result = run_cli(red_video, "--bundle", bundle, "--record", path)
    assert result.exit_code == 0, result.stderr
    return path


@pytest.mark.parametrize("place", ["runs/mine", "recorded/bundle", "recorded"])
def test_a_replay_finds_the_bundle_that_it_was_recorded_with(
    place, bundle, mute_bundle, slow_bundle, recording, run_cli, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(slow_bundle, tmp_path / "runs" / "newer")
    shutil.copytree(bundle, tmp_path / place, dirs_exist_ok=True)

    assert bundle_of(recording).resolve() == (tmp_path / place).resolve()
    result = run_cli("--replay", recording, "--output", tmp_path / "out.jsonl")
    assert result.exit_code == 0, result.stderr
    assert results(tmp_path / "out.jsonl")


def test_a_replay_without_its_bundle_says_which_is_needed(
    recording, run_cli, assert_refused, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    assert_refused(
        run_cli("--replay", recording), "was made with the bundle", "name its folder with --bundle"
    )
    (tmp_path / "none.rec").write_bytes(b"no recording")
    with pytest.raises(RecordingError):
        bundle_of(tmp_path / "none.rec")
    assert ReplayOptions(recording=recording).bundle is None
