"""Labels as people type them into one field."""

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.label_files import read_labels
from stzsar.runtime.labels.label_saving import check_savable, save_labels
from stzsar.runtime.labels.label_text import (
    LabelTextError,
    read_label_text,
    write_label_text,
)
from stzsar.runtime.labels.labels import Label

ODD = (
    Label("archery", attributes=("a bow", "an arrow, feathered", 'a "quiver"')),
    Label("yoga", "a person doing yoga"),
    Label("walking", role="ignore"),
    Label("a: b", attributes=("x",)),
    Label("! no"),
    Label("# hash", 'say "hi" = now'),
    Label("running, fast"),
    Label("- dash", role="ignore"),
    Label("drink | eat"),
    Label("C++"),
    Label("走る"),
)


def test_what_is_written_is_read_again():
    assert read_label_text(write_label_text(ODD)) == ODD


def test_a_line_is_read_as_in_a_file_and_attributes_stand_behind_a_colon():
    found = read_label_text(
        "# what happens here\n\n- archery: a bow ,an arrow\n2) swimming\nwaving, \n! walking\n"
        "yoga = a person doing yoga: a mat\n"
    )
    assert found == (
        Label("archery", attributes=("a bow", "an arrow")),
        Label("swimming"),
        Label("waving"),
        Label("walking", role="ignore"),
        Label("yoga", "a person doing yoga", ("a mat",)),
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("archery\narchery, waving\nswimming", [2]),
        ("archery\n\nArchery\nwaving", [3]),
        ("a | b\nc => d\narchery", [1, 2]),
        ('archery: "a bow', [1]),
        ('"archery" and so on', [1]),
        ("x" * 300, [1]),
        ("archery: " + ", ".join(f"word {number}" for number in range(100)), [1]),
        ("archery\n\u200b", [2]),
    ],
)
def test_each_wrong_line_is_named(text, lines):
    with pytest.raises(LabelTextError) as refused:
        read_label_text(text)
    assert [fault.line for fault in refused.value.faults] == lines
    assert str(refused.value).startswith(f"Line {lines[0]}: ")


@pytest.mark.parametrize("text", ["", "\n\n# only this\n", "! walking\n", "\n" * 30_000])
def test_a_text_without_an_action_is_refused_as_a_whole(text):
    with pytest.raises(LabelTextError) as refused:
        read_label_text(text)
    assert not refused.value.faults


@pytest.mark.parametrize("name", ["labels.txt", "labels.json"])
def test_what_is_saved_is_what_a_file_holds(tmp_path, name):
    labels = (Label("archery"), Label("running, fast"), Label("walking", role="ignore"))
    save_labels(tmp_path / name, labels)
    assert read_labels(tmp_path / name) == labels


def test_what_a_file_has_no_room_for_is_not_saved(tmp_path):
    (tmp_path / "labels.txt").write_text("archery\n")
    for name, label in (
        ("labels.txt", ODD[0]),
        ("labels.txt", Label('say "hi"')),
        ("labels.csv", Label("archery")),
        ("labels.yaml", Label("archery")),
    ):
        with pytest.raises(LabelError):
            check_savable(tmp_path / name, [label])
        with pytest.raises(LabelError):
            save_labels(tmp_path / name, [label])
    assert (tmp_path / "labels.txt").read_text() == "archery\n"
    save_labels(tmp_path / "labels.json", ODD)
    assert read_labels(tmp_path / "labels.json") == ODD


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(LabelError, match="not saved"):
        save_labels(tmp_path / "gone" / "labels.txt", [Label("archery")])


@pytest.mark.parametrize("sign", ["", " =", " :", '"', " #"])
def test_a_long_line_of_spaces_is_read_at_once(sign):
    """What looks at each space from each space before it would take hours."""
    with pytest.raises(LabelError):
        read_label_text("a" + " " * 1_000_000 + sign + "b")
