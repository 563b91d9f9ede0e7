"""The options of a run as a Python program makes them, and the function that takes them."""

import dataclasses
import json
import threading
from pathlib import Path

import pytest

from stzsar.runtime import CalibrationOptions, ReplayOptions, RunOptions, run
from stzsar.runtime.command.cli import main
from stzsar.runtime.command.options import SuggestOptions, TeachOptions
from stzsar.runtime.errors import StzsarError


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"record_features": True}, "--record-features requires --record"),
        ({"record_patches": 4}, "--record-patches requires --record-features"),
        ({"shipped_attributes": False}, "--no-attributes requires --labels"),
        ({"webhook_results": True}, "--webhook-results requires --webhook"),
        ({"whole": True, "threshold": 0.5}, "--threshold has no effect with --whole"),
        ({"whole": True, "min_length_s": 0.0}, "--min-length has no effect with --whole"),
        ({"rate_fps": 0.0}, "--rate must be above 0, got 0.0"),
        ({"window_s": float("nan")}, "--window must be above 0, got nan"),
        ({"seconds": float("inf")}, "--seconds must be above 0, got inf"),
        ({"motion_gate": 255.0}, "--motion-gate must be above 0 and below 255"),
        ({"batch_wait_ms": -1.0}, "--batch-wait must be 0 to 1000"),
        ({"threshold": 1.5}, "score"),
        ({"cool_down_s": -1.0}, "0 or more seconds"),
    ],
)
def test_options_of_a_run_that_make_no_sense_are_refused_when_they_are_made(options, sentence):
    with pytest.raises(StzsarError, match=sentence):
        RunOptions(**options)


def test_the_other_kinds_of_run_refuse_what_makes_no_sense_too():
    with pytest.raises(StzsarError, match="--false-alarms must be above 0"):
        CalibrationOptions(footage=["a.mp4"], false_alarms_per_day=0.0)
    with pytest.raises(StzsarError, match="--rate must be above 0"):
        CalibrationOptions(footage=["a.mp4"], rate_fps=-1.0)
    for options in (CalibrationOptions, SuggestOptions, TeachOptions):
        with pytest.raises(StzsarError, match="--seen-bias changes scores"):
            options(footage=["a.mp4"], seen_bias=0.5)
    with pytest.raises(StzsarError, match="--no-attributes requires --labels"):
        ReplayOptions(recording=Path("a.rec"), shipped_attributes=False)
    with pytest.raises(StzsarError, match="score"):
        ReplayOptions(recording=Path("a.rec"), threshold=2.0)


def test_options_cannot_be_changed_later():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunOptions().top = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_one_source_may_be_given_without_a_list():
    assert RunOptions(sources="clip.mp4").sources == ("clip.mp4",)
    assert CalibrationOptions(footage="clip.mp4").footage == ("clip.mp4",)


def test_every_command_line_option_ends_up_in_the_options(run_cli, monkeypatch):
    """The three kinds of run have every option between them."""
    made = []
    monkeypatch.setattr("stzsar.runtime.command.runner.run", made.append)
    run_cli("--source", "a.mp4", "--camera", 1, "--top", 3, "--quiet", "--no-attributes",
            "--labels", "l.txt", "--threshold", 0.7, "--events-only")  # fmt: skip
    run_cli("--replay", "a.rec", "--top", 2, "--cool-down", 0, "--output", "o.jsonl")
    run_cli("--calibrate", "a.mp4", "--calibration", "c.json", "--false-alarms", 2, "--rate", 8)

    watched, replayed, calibrated = made
    assert watched == RunOptions(
        sources=("a.mp4", "1"), top=3, quiet=True, shipped_attributes=False,
        labels=Path("l.txt"), threshold=0.7, only_events=True,
    )  # fmt: skip
    assert replayed == ReplayOptions(
        recording=Path("a.rec"), top=2, cool_down_s=0.0, output=Path("o.jsonl")
    )
    assert calibrated == CalibrationOptions(
        footage=("a.mp4",), thresholds=Path("c.json"), false_alarms_per_day=2.0, rate_fps=8.0
    )


def test_help_starts_with_a_verb_and_ends_without_a_period():
    for parameter in main.params:
        text = getattr(parameter, "help", None)
        if text and parameter.name not in ("debug", "version", "help"):
            assert text[0].isupper(), text
            assert not text.rstrip().endswith("."), text


def test_python_runs_what_the_command_runs(bundle, red_video, tmp_path):
    """Also in a thread, which gets no signals."""
    output, recording = tmp_path / "a.jsonl", tmp_path / "a.rec"
    options = RunOptions(
        bundle=bundle, sources=[red_video], output=output, record=recording, quiet=True
    )

    thread = threading.Thread(target=run, args=[options])
    thread.start()
    thread.join()
    run(ReplayOptions(bundle=bundle, recording=recording, output=tmp_path / "b.jsonl", quiet=True))

    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["label"] for row in rows if row["type"] == "result"] == ["red"] * 5
    assert (tmp_path / "b.jsonl").read_text() == output.read_text()
