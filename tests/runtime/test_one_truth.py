"""A decision is one thing: everything that people and programs see says the same."""

import io
import json
from typing import Any

import numpy as np
import pytest
from rich.console import Console, Group
from rich.text import Text

from stzsar.runtime import Policy, Recognizer
from stzsar.runtime.command.summary import Summaries
from stzsar.runtime.decisions.detector import Given
from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.drawing import overlay
from stzsar.runtime.drawing.overlay import ACCENT, GREY, WHITE, draw_overlay
from stzsar.runtime.results import AllScores, Recognition, to_json
from stzsar.runtime.sinks.live_lines import LiveLines

NAMES = ("archery", "bowling", "cheering", "dancing", "eating")
NONE = "none of these"


def decided(evidence, *, top=3):
    """A result in which archery is the best label, and the evidence decides."""
    scores = np.asarray([0.5, 0.2, 0.15, 0.1, 0.05])
    everything = AllScores(NAMES, scores, np.asarray(evidence, float))
    best = tuple(everything.of(place) for place in range(top))
    found = Recognition("hall", 0, 1, 4, best, rival="sweeping", everything=everything)
    policy = Policy().by_evidence(Given(NAMES), dict.fromkeys(NAMES, 0.0))
    return Decider(policy, "hall", top=top).decide(found)[0]


# What is decided: the best label, another one, one that is not among those shown, and nothing.
CASES = [
    pytest.param([1, -1, -1, -1, -1], "archery", id="best"),
    pytest.param([-1, 1, -1, -1, -1], "bowling", id="other"),
    pytest.param([-1, -1, -1, -1, 1], "eating", id="far"),
    pytest.param([-1, -1, -1, -1, -1], None, id="none"),
]


@pytest.fixture
def written(monkeypatch):
    """What the overlay writes, and in which colour."""
    texts: list[tuple[str, tuple[int, int, int]]] = []
    draw = overlay.draw_text

    def note(image, text, at, height_px, colour):
        texts.append((text, colour))
        draw(image, text, at, height_px, colour)

    monkeypatch.setattr(overlay, "draw_text", note)
    return texts


@pytest.mark.parametrize(("evidence", "decision"), CASES)
def test_messages_and_python_have_the_decision_and_its_scores(evidence, decision):
    found = decided(evidence)
    message = json.loads(found.to_json())

    assert (found.decision, message["decision"]) == (decision, decision)
    assert (found.decided and found.decided.label) == decision
    assert (found.label, message["top"][0]["label"]) == ("archery", "archery")
    scores = [row["score"] for row in message["top"]]
    assert scores == sorted(scores, reverse=True)
    assert decision is None or decision in [row["label"] for row in message["top"]]
    assert message.get("rival") == ("sweeping" if decision is None else None)
    assert json.loads(json.dumps(found.to_dict())) == message
    assert f"decision={decision!r}" in repr(found)


@pytest.mark.parametrize(("evidence", "decision"), CASES)
def test_a_summary_has_what_was_decided(evidence, decision):
    out = io.StringIO()
    summaries = Summaries()
    summaries.put(decided(evidence))
    Console(file=out, width=100, force_terminal=True, color_system="standard").print(
        summaries.table()
    )

    shown = out.getvalue()
    assert (decision or NONE) in shown
    if decision is None:
        assert "\x1b[90m (best: archery)" in shown, "in grey"
    else:
        assert not any(name in shown for name in NAMES if name != decision)


@pytest.mark.parametrize(("evidence", "decision"), CASES)
def test_video_and_window_have_it_first_and_the_others_in_grey(evidence, decision, written):
    image = np.full((240, 400, 3), 200, np.uint8)

    draw_overlay(image, 1.0, decided(evidence))

    labels = [row for row in written if row[0] in (*NAMES, NONE)]
    assert len(labels) == 3
    assert labels[0] == (decision or NONE, WHITE)
    assert {ink for _, ink in labels[1:]} == {GREY}
    assert "archery" in [text for text, _ in labels]
    assert (image == ACCENT).all(axis=2).any() == (decision is not None)


@pytest.mark.parametrize(("evidence", "decision"), CASES)
@pytest.mark.parametrize("width", [60, 120])
def test_a_live_line_has_it_first_and_the_others_dim(evidence, decision, width):
    page = Console(file=io.StringIO(), width=width, force_terminal=True)
    lines = LiveLines(page, now=lambda: 0.0)
    lines.put(decided(evidence))
    group = lines.render()
    lines.close(1.0)
    assert isinstance(group, Group)
    row = group.renderables[1]
    assert isinstance(row, Text)

    shown = row.plain.split("hall")[1]
    assert ("▶" in shown) == (decision is not None)
    first = min((name for name in (*NAMES, NONE) if name in shown), key=shown.index)
    assert first == (decision or NONE)
    assert "archery" in shown or (decision is not None and width == 60)
    dim = "".join(row.plain[span.start : span.end] for span in row.spans if span.style == "dim")
    assert not any(name in dim for name in (decision or NONE,))
    assert decision == "archery" or "archery" not in shown or "archery" in dim


@pytest.mark.parametrize(("evidence", "decision"), CASES)
def test_a_notebook_has_it_in_bold_and_first(evidence, decision):
    page = decided(evidence)._repr_html_()

    assert page.count("<b>") == 1
    assert f"<b>{decision or NONE}</b>" in page
    assert page.index("<b>") < min(page.index(name) for name in NAMES[:3] if name != decision)


@pytest.fixture
def site(run_cli, bundle, draw_video, tmp_path):
    """A calibration of footage that shows blue and green."""
    footage = draw_video(tmp_path / "ordinary.avi", ["blue", "green"] * 2600, fps=8)
    made = run_cli("--bundle", bundle, "--calibrate", footage, "--calibration", tmp_path / "s.json")
    assert made.exit_code == 0, made.stderr
    return tmp_path / "s.json"


@pytest.mark.parametrize("how", ["default", "threshold", "calibration"])
def test_command_replay_and_python_decide_alike(
    how, run_cli, bundle, draw_video, tmp_path, request
):
    colours = ["red"] * 24 + ["blue"] * 24 + ["green"] * 24
    video = draw_video(tmp_path / "clip.avi", colours)
    recording = tmp_path / "clip.rec"
    options: dict[str, tuple[object, ...]] = {"default": (), "threshold": ("--threshold", 0.995)}
    said: dict[str, Any] = {"policy": Policy(score=0.995)} if how == "threshold" else {}
    if how == "calibration":
        said = {"calibration": request.getfixturevalue("site")}
        options[how] = ("--calibration", said["calibration"])
    common = ("--bundle", bundle, "--labels", "red,green,blue", *options[how])

    run = run_cli("--source", video, *common, "--record", recording)
    replay = run_cli("--replay", recording, *common)
    with Recognizer.load(bundle, ["red", "green", "blue"], threads=1) as recognizer:
        streamed = list(recognizer.stream(video, events=True, **said))

    def told(lines):
        kept = ("type", "event", "label", "decision", "end_s", "time_s")
        messages = [json.loads(line) for line in lines]
        return [{key: one.get(key) for key in kept} for one in messages]

    lines = run.stdout.splitlines()
    assert run.exit_code == replay.exit_code == 0, run.stderr + replay.stderr
    assert told(lines) == told(replay.stdout.splitlines())
    assert told(lines) == told(map(to_json, streamed))
    assert {one["decision"] for one in told(lines)} >= {"red", None}
