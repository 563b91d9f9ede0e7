"""Labels to ignore: how they are written, that they compete, and that they are never reported."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.bank import LabelBank
from stzsar.runtime.labels.label_files import read_labels
from stzsar.runtime.labels.labels import Label, as_labels, identity_of, ignored
from stzsar.runtime.labels.per_source import LabelFiles
from stzsar.runtime.recognizer import Recognizer

EVERYDAY = Path(__file__).parents[3] / "runtime" / "labels" / "label_sets" / "everyday.txt"


def windows_of(recognizer, picture, colour):
    stream = recognizer.open_stream("hall")
    found = [stream.push(picture(colour), number / 4) for number in range(8)]
    return [recognition for recognition in found if recognition]


def test_a_line_with_an_exclamation_mark_is_to_be_ignored(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("waving\n! person walking past\n!important sale\n")

    labels = read_labels(path)

    assert labels == (
        Label("waving"),
        Label("person walking past", role="ignore"),
        Label("!important sale"),
    )


def test_a_row_of_json_says_its_role(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text('[{"label": "a"}, {"label": "b", "role": "ignore", "attributes": ["bow"]}]')

    assert [label.role for label in read_labels(path)] == ["action", "ignore"]

    path.write_text('[{"label": "a", "role": "context"}]')
    with pytest.raises(LabelError, match="role"):
        read_labels(path)


def test_an_unknown_role_is_refused():
    with pytest.raises(LabelError, match="has the role 'other': give action or ignore"):
        Label("a", role="other")  # pyright: ignore[reportArgumentType]


def test_an_ignored_label_competes_and_is_never_reported(bundle, picture):
    recognizer = Recognizer.load(bundle, ["green", "blue"], ignore=["red"], threads=1)

    found = windows_of(recognizer, picture, "red")

    assert all({score.label for score in window.top} == {"green", "blue"} for window in found)
    assert all(window.rival == "red" for window in found)
    assert all(window.score < 0.01 for window in found), "the ignored label has the rest"
    everything = found[0].everything
    assert everything is not None
    assert everything.names == ("green", "blue", "red")
    assert everything.scores.sum() == pytest.approx(1)


def test_what_it_explains_best_is_none_of_these_and_the_result_says_why(bundle, picture):
    recognizer = Recognizer.load(bundle, ["green", "yellow"], ignore=["red"], threads=1)
    decider = Decider(Policy(score=1e-6, keep_score=1e-6), "hall")

    red = [decider.decide(window) for window in windows_of(recognizer, picture, "red")]
    green = [decider.decide(window) for window in windows_of(recognizer, picture, "green")]

    assert {window.decision for window, _ in red} == {None}
    assert not [event for _, events in red for event in events]
    assert all(json.loads(window.to_json())["rival"] == "red" for window, _ in red)
    assert {window.decision for window, _ in green} == {"green"}
    assert all("rival" not in json.loads(window.to_json()) for window, _ in green)


def test_labels_to_ignore_alone_are_refused(bundle):
    with pytest.raises(LabelError, match="all to ignore: name at least one action"):
        Recognizer.load(bundle, [Label("red", role="ignore")])


def test_all_labels_of_the_bundle_but_those_to_ignore(bundle, picture):
    recognizer = Recognizer.load(bundle, ignore=["red"], threads=1)

    assert windows_of(recognizer, picture, "red")[0].rival == "red"
    assert [label.role for label in recognizer.labels] == ["action", "action", "ignore"]


def test_context_is_scored_and_changes_nothing_else(bundle, picture):
    alone = Recognizer.load(bundle, ["green", "blue"], ignore=["yellow"], threads=1)
    red = next(label for label in Recognizer.load(bundle).labels if label.name == "red")
    strange = Label("green", attributes=("grass", "sky"))
    beside = Recognizer.load(
        bundle, ["green", "blue"], ignore=["yellow"], context=[red, strange], threads=1
    )

    plain, measured = (windows_of(own, picture, "green")[0] for own in (alone, beside))

    assert measured == plain
    assert measured.everything is not None
    assert plain.everything is not None
    assert measured.everything.names == (*plain.everything.names, "red", identity_of(strange))
    assert len(measured.everything.scores) == 3
    assert len(measured.everything.similarities) == 5
    beside.use_labels(["blue", "green"])
    assert [label.role for label in beside.labels] == ["action", "action", "context", "context"]


def test_a_bank_keeps_roles(recognizer):
    labels = (replace(recognizer.labels[0], role="ignore"), *recognizer.labels[1:])
    bank = replace(recognizer.scorer.bank, labels=labels)
    file = io.BytesIO()
    bank.save(file)
    file.seek(0)

    again = LabelBank.load(file)

    assert again.labels == labels
    file.seek(0)
    assert json.loads(str(np.load(file)["labels"]))[1].get("role") is None, "as before"


def test_the_file_to_ignore_is_for_every_source_and_is_watched(tmp_path):
    files = {name: tmp_path / f"{name}.txt" for name in ("a", "b", "ignore")}
    files["a"].write_text("red\n")
    files["b"].write_text("blue\n! green\n")
    files["ignore"].write_text("dark\n")
    used = []

    class User:
        def use_labels(self, labels, *, labels_of=None, progress=None):
            used.append((labels, labels_of))

    labels = LabelFiles(
        None, {"x": files["a"], "y": files["b"]}, ignore=files["ignore"], sources=["x", "y"]
    )

    assert [(own.name, own.role) for own in labels.all_labels() or ()] == [
        ("red", "action"),
        ("blue", "action"),
        ("green", "ignore"),
        ("dark", "ignore"),
    ]
    assert labels.labels_of() == {"x": ["red", "dark"], "y": ["blue", "green", "dark"]}

    labels.change(files["ignore"], [Label("fog")], User(), None)
    ((union, choices),) = used
    assert union[-1] == Label("fog", role="ignore")
    assert choices == {"x": ["red", "fog"], "y": ["blue", "green", "fog"]}


def test_a_name_that_is_an_action_and_to_be_ignored_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("red\nblue\n")
    (tmp_path / "b.txt").write_text("red\n")

    with pytest.raises(LabelError, match="'red' is an action in one file and to be ignored in an"):
        LabelFiles(tmp_path / "a.txt", {}, ignore=tmp_path / "b.txt", sources=["x"])


def test_a_run_with_a_file_to_ignore(run_cli, bundle, draw_video, tmp_path):
    video = draw_video(tmp_path / "red.avi", ["red"] * 24)
    (tmp_path / "ignore.txt").write_text("red\n")
    (tmp_path / "labels.txt").write_text("green\nblue\n")
    files = ("--labels", tmp_path / "labels.txt", "--ignore", tmp_path / "ignore.txt")

    run = run_cli("--bundle", bundle, "--source", video, *files, "--record", tmp_path / "states")
    replayed = run_cli("--bundle", bundle, "--replay", tmp_path / "states")
    other = run_cli("--bundle", bundle, "--replay", tmp_path / "states", *files[:2])

    assert run.exit_code == replayed.exit_code == other.exit_code == 0, run.stderr
    assert "2 labels and 1 to ignore" in run.stderr
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert {line["rival"] for line in lines} == {"red"}
    assert replayed.stdout == run.stdout
    assert '"rival"' not in other.stdout


def test_the_starter_file_can_be_read_and_holds_no_class_of_a_data_set():
    from stzsar.runtime.labels.names import name_key
    from stzsar.runtime.labels.shipped import LABEL_SETS, shipped_labels

    everyday = ignored(read_labels(EVERYDAY))

    assert len(everyday) > 20
    classes = {name_key(own.name) for name in LABEL_SETS for own in shipped_labels(name)}
    assert not classes & {name_key(label.name) for label in everyday}
    assert as_labels(everyday) == everyday
