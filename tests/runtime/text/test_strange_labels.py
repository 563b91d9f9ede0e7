"""The bundle that ships recognises no people, and says so instead of trying."""

import pytest

from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.labels.shipped import shipped_labels
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.shapes.scenes import seen_actions, unseen_actions
from stzsar.runtime.shapes.vocabulary import strange_labels

SAMPLE = shipped_bundle().parent / "sample.mp4"


@pytest.fixture(autouse=True)
def _no_bundle_under_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_run_with_labels_for_people_and_no_bundle_names_the_command(
    run_cli, assert_refused, tmp_path
):
    labels = tmp_path / "labels.txt"
    labels.write_text("basketball\narchery\nwaving a hand\njuggling\n")

    result = run_cli("--source", SAMPLE, "--labels", labels)

    assert_refused(
        result,
        "moving shapes and no word of 'basketball', 'archery', 'waving a hand' and 1 more labels",
        "fetch one that knows people with stzsar-fetch",
    )
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_who_names_the_shipped_bundle_gets_it(run_cli, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("basketball\narchery\n")

    arguments = ("--source", SAMPLE, "--labels", labels, "--bundle", shipped_bundle())
    assert run_cli(*arguments, "--whole").exit_code == 0


def test_python_is_refused_and_served_alike():
    with pytest.raises(LabelError, match=r"no word of 'basketball': .* with stzsar-fetch"):
        Recognizer.load(labels=["basketball", "red heart rising"])
    Recognizer.load(shipped_bundle(), labels=["basketball"])

    recognizer = Recognizer.load(labels=["Red hearts, rising", "a crimson thing"])
    with pytest.raises(LabelError, match="no word of 'juggling'"):
        recognizer.use_labels(["juggling"])
    assert len(recognizer.labels) == 2


def test_one_strange_label_among_others_is_never_reported_and_said(caplog):
    labels = ["Red hearts, rising", "a crimson thing", "archery"]
    recognizer = Recognizer.load(labels=labels)

    assert [label.role for label in recognizer.labels] == ["action", "action", "ignore"]
    assert "no word of 'archery', which is never reported: fetch one" in caplog.text
    assert [label.role for label in Recognizer.load(shipped_bundle(), labels=labels).labels] == (
        ["action"] * 3
    )


def test_a_bundle_under_runs_is_asked_for_everything(own_bundle, tmp_path):
    own_bundle.rename(tmp_path / "runs")
    assert Recognizer.load(labels=["basketball"]).labels[0].name == "basketball"


def test_all_of_moving_shapes_is_known_and_most_of_kinetics_is_not():
    shapes = [action.label for action in (*seen_actions(), *unseen_actions())]
    assert strange_labels(shapes) == []
    assert strange_labels([Label("x", "a lime square")]) == []

    people = shipped_labels("kinetics-400")
    assert len(strange_labels(people)) > 0.9 * len(people)
