"""Labels that are known by name get the attributes that ship; what the user wrote wins."""

import logging
import subprocess
import sys

import pytest

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.labels.shipped import (
    LABEL_SETS,
    default_labels,
    shipped_labels,
    with_shipped_attributes,
)
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.recordings.replay import Replay
from stzsar.runtime.shapes.scenes import seen_actions, unseen_actions
from stzsar.runtime.text.choose_labels import choose_labels

ARCHERY = next(label for label in shipped_labels("kinetics-400") if label.name == "archery")


def described(name: str) -> Label:
    (label,) = with_shipped_attributes([Label(name)])
    return label


@pytest.mark.parametrize(
    ("written", "known", "data_set", "text"),
    [
        ("archery", "archery", "kinetics-400", "archery"),
        ("  ARCHERY", "archery", "kinetics-400", "archery"),
        ("ApplyEyeMakeup", "apply eye makeup", "ucf-101", "apply eye makeup"),
        ("apply_eye_makeup", "apply eye makeup", "ucf-101", "apply eye makeup"),
        ("Apply  Eye Make-up", "apply eye makeup", "ucf-101", "apply eye make up"),
        ("YoYo", "yo yo", "ucf-101", "yo yo"),
        ("yo-yo", "yo yo", "ucf-101", "yo yo"),
        ("HandStandPushups", "handstand pushups", "ucf-101", "hand stand pushups"),
        ("flic_flac", "flic flac", "hmdb-51", "flic flac"),
        ("Fencing (Sport)", "fencing (sport)", "kinetics-600", "Fencing (Sport)"),
    ],
)
def test_a_name_is_found_in_any_spelling_and_embedded_as_words(written, known, data_set, text):
    (expected,) = (label for label in shipped_labels(data_set) if label.name == known)

    found = described(written)

    assert (found.name, found.text) == (written, text)
    assert found.attributes == expected.attributes


@pytest.mark.parametrize("name", ["archer", "archery lesson", "red", "---", "射箭"])
def test_a_name_that_is_only_like_one_that_is_known_stays_alone(name):
    assert described(name) == Label(name)


@pytest.mark.parametrize(
    "own",
    [
        Label("archery", attributes=("crossbow",)),
        Label("archery", "shooting at a straw target"),
        Label("archery", "shooting", ("crossbow", "hay")),
    ],
)
def test_what_the_user_wrote_wins(own):
    assert with_shipped_attributes([own, Label("archery")]) == (own, ARCHERY)


def test_how_many_labels_got_some_is_told_and_silence_is_kept_where_none_did():
    told = []

    with_shipped_attributes(
        [Label("archery"), Label("my own"), Label("knitting")], tell=told.append
    )
    with_shipped_attributes([Label("my own")], tell=told.append)

    assert len(told) == 1
    assert told[0].startswith("2 of 3 labels to embed are known by name")


@pytest.mark.parametrize("name", LABEL_SETS)
def test_each_class_of_each_data_set_finds_its_attributes(name):
    labels = shipped_labels(name)

    assert with_shipped_attributes([Label(label.name) for label in labels]) == labels


def test_the_default_labels_are_names_alone():
    assert len(default_labels()) == 400
    assert default_labels()[5] == Label("archery")


def test_only_labels_that_are_embedded_are_described(bundle, caplog):
    wanted = ["Archery", "red", Label("knitting", attributes=("sky",))]
    with caplog.at_level(logging.INFO, logger="stzsar"):
        bank = choose_labels(Bundle.open(bundle), wanted)

    assert bank.labels[0] == Label("Archery", attributes=ARCHERY.attributes)
    assert bank.labels[1] == Label("red", attributes=("crimson", "ruby"))  # the bundle's own
    assert bank.labels[2] == wanted[2]
    assert bank.attribute_mask.sum(axis=1).tolist() == [8, 2, 1]
    assert [record.getMessage()[:6] for record in caplog.records] == ["1 of 2"]


def test_a_recogniser_without_attributes_stays_so_when_its_labels_change(bundle):
    plain = Recognizer.load(bundle, ["archery"], shipped_attributes=False)
    rich = Recognizer.load(bundle, ["archery"])
    assert (plain.labels, rich.labels) == ((Label("archery"),), (ARCHERY,))

    plain.use_labels(["knitting"])
    rich.use_labels(["knitting", "archery"])

    assert plain.labels == (Label("knitting"),)
    assert rich.labels == (described("knitting"), ARCHERY)


def test_a_run_says_how_many_and_no_attributes_turns_it_off(run_cli, bundle, red_video, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("red\narchery\nsomething of mine\n")
    common = ("--bundle", bundle, "--source", red_video, "--labels", labels, "--record")

    rich = run_cli(*common, tmp_path / "rich.rec")
    plain = run_cli(*common, tmp_path / "plain.rec", "--no-attributes")

    assert (rich.exit_code, plain.exit_code) == (0, 0)
    assert rich.stderr.count("1 of 2 labels to embed are known by name") == 1
    assert "known by name" not in plain.stderr
    opened = Bundle.open(bundle)
    assert Replay(tmp_path / "rich.rec", opened).labels[1] == ARCHERY
    assert Replay(tmp_path / "plain.rec", opened).labels[1] == Label("archery")


def test_a_replay_with_features_describes_new_labels_too(run_cli, bundle, red_video, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("archery\nred\n")
    recording = tmp_path / "red.rec"
    assert run_cli(
        *("--bundle", bundle, "--source", red_video, "--record", recording, "--record-features")
    ).exit_code == 0  # fmt: skip
    common = ("--bundle", bundle, "--replay", recording, "--labels", labels)

    rich, plain = run_cli(*common), run_cli(*common, "--no-attributes")

    assert "1 of 1 labels to embed are known by name" in rich.stderr
    assert "known by name" not in plain.stderr
    assert (rich.exit_code, plain.exit_code) == (0, 0)


def test_the_option_is_refused_where_it_would_do_nothing(
    run_cli, bundle, mute_bundle, red_video, tmp_path
):
    labels = tmp_path / "labels.txt"
    labels.write_text("red\n")
    common = ("--source", red_video, "--no-attributes")

    alone = run_cli("--bundle", bundle, *common)
    mute = run_cli("--bundle", mute_bundle, *common, "--labels", labels)

    assert (alone.exit_code, mute.exit_code) == (2, 2)
    assert "--no-attributes requires --labels: give that too" in alone.stderr
    assert "has no text encoder" in mute.stderr


def test_the_files_are_read_only_once_a_label_must_be_embedded(bundle):
    """A start with labels that the bundle knows should not pay for them."""
    code = f"""
import sys
opened = []
sys.addaudithook(lambda event, about: opened.append(str(about[0])) if event == "open" else None)
from stzsar.runtime import Recognizer
for labels in (None, ["red", "blue"], ["red", "archery"], ["knitting"]):
    Recognizer.load({str(bundle)!r}, labels)
    print(sum("label_sets" in path for path in opened))
"""
    counted = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert counted.stdout.split() == ["0", "0", "4", "4"]


def test_nothing_changes_for_moving_shapes():
    labels = [action.label for action in (*seen_actions(), *unseen_actions())]
    names = [Label(label.name) for label in labels]

    assert with_shipped_attributes(names) == tuple(names)
    assert with_shipped_attributes(Bundle.open(shipped_bundle()).bank.labels) == (
        Bundle.open(shipped_bundle()).bank.labels
    )
