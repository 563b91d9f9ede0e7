"""Whole runs whose events get a second look."""

import base64
import json

import cv2
import numpy as np
import pytest

from stzsar.runtime.events.store import EventStore

from ...chat_server import Chat


@pytest.fixture
def colours(draw_video, tmp_path):
    return draw_video(tmp_path / "clip.avi", ["red"] * 40 + ["blue"] * 40 + ["green"] * 40, fps=8)


def events(result):
    assert result.exit_code == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return [
        (one["event"], one["label"], one.get("second_look", {}).get("answer"))
        for one in lines
        if one["type"] == "event"
    ]


def verdicts(folder):
    with EventStore(folder / "events.sqlite") as store:
        return [(row.label, row.verdict, row.verified_by, row.said) for row in store.find()]


def test_a_larger_bundle_looks_at_the_events_of_a_run(
    run_cli, bundle, own_bundle, colours, tmp_path
):
    result = run_cli(
        "--bundle", bundle, "--source", colours, "--events", tmp_path / "events",
        "--verify", own_bundle, "--verify-label", "red", "--verify-label", "blue",
    )  # fmt: skip
    answers = {"red": "yes", "blue": "yes", "green": None}
    assert events(result) == [
        (event, label, answers[label]) for label in answers for event in ("start", "end")
    ]
    assert verdicts(tmp_path / "events") == [
        ("red", "yes", "colours", ""), ("blue", "yes", "colours", ""), ("green", None, None, None)
    ]  # fmt: skip


@pytest.fixture
def ask_a_model(run_cli, bundle, colours, tmp_path):
    """A run over one stream that asks a model which says `say(question)`; and the questions."""
    pytest.importorskip("openai", reason="no openai: pip install '.[verify]'")

    def asked(stream_lines, say):
        server = Chat()
        server.say = say
        (tmp_path / "streams.toml").write_text(
            f'[[stream]]\nname = "hall"\nsource = "{colours.name}"\n'
            f'verify_llm = "{server.endpoint}"\n{stream_lines}\n'
        )
        try:
            result = run_cli(
                "--bundle", bundle, "--streams", tmp_path / "streams.toml",
                "--events", tmp_path / "events",
            )  # fmt: skip
        finally:
            server.close()
        assert result.exit_code == 0, result.stderr
        return result, server.questions

    return asked


def test_a_model_is_shown_nothing_that_is_under_a_mask(ask_a_model):
    _, questions = ask_a_model("mask = [[0, 0, 0.5, 1]]", lambda asked: "Yes.")
    urls = [
        part["image_url"]["url"]
        for asked in questions
        for part in asked["messages"][1]["content"]
        if part["type"] == "image_url"
    ]
    assert urls
    for url in urls:
        data = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture[:, :28].max() < 20  # a JPEG's blocks reach over the edge
        assert picture[:, 36:].max() > 200


def test_a_model_refuses_an_event_of_a_region_and_nobody_hears_of_it(ask_a_model, tmp_path):
    result, _ = ask_a_model(
        '[[stream.region]]\nname = "door"\nbox = [0, 0, 0.5, 1]',
        lambda asked: json.dumps(
            {"answer": "no" if "blue" in str(asked) else "yes", "sentence": "Paint."}
        ),
    )
    assert events(result) == [
        (event, label, "yes") for label in ("red", "green") for event in ("start", "end")
    ]
    assert verdicts(tmp_path / "events") == [
        (label, answer, "parrot", "Paint.")
        for label, answer in (("red", "yes"), ("blue", "no"), ("green", "yes"))
    ]
    assert "hall/door: blue" in result.stderr
    assert "is not told" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--verify", "x"], "--verify looks at the pictures of --events DIR"),
        (["--events", "e", "--verify", "nowhere"], "nowhere"),
        (
            ["--events", "e", "--verify", "x", "--verify-llm", "http://h/v1"],
            "leave one of them out",
        ),
        (["--events", "e", "--verify-label", "red"], "--verify-label has no effect"),
        (["--events", "e", "--verify-llm", "http://me:hunter2@host/v1"], "--verify-llm cannot be"),
    ],
)
def test_mistakes_are_one_sentence(
    run_cli, assert_refused, bundle, red_video, tmp_path, monkeypatch, arguments, sentence
):
    pytest.importorskip("openai", reason="no openai: pip install '.[verify]'")
    monkeypatch.chdir(tmp_path)
    result = run_cli("--bundle", bundle, "--source", red_video, *arguments)
    assert_refused(result, sentence)
    assert "hunter2" not in result.output + result.stderr


def test_a_label_that_nobody_has_is_refused(run_cli, assert_refused, bundle, red_video, tmp_path):
    result = run_cli(
        "--bundle", bundle, "--source", red_video, "--events", tmp_path / "e",
        "--verify", bundle, "--verify-label", "rad",
    )  # fmt: skip
    assert_refused(result, "'rad'", "spell it as in the labels")


def test_labels_of_a_second_look_that_nobody_takes_are_refused(
    run_cli, assert_refused, bundle, red_video, tmp_path
):
    streams = tmp_path / "streams.toml"
    streams.write_text(
        f'[[stream]]\nname = "hall"\nsource = "{red_video}"\nverify_labels = ["red"]\n'
    )
    result = run_cli("--bundle", bundle, "--streams", streams, "--events", tmp_path / "e")
    assert_refused(result, "verify_labels of hall have no effect", "verify or verify_llm")
