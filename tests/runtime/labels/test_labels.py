import json
import os
from pathlib import Path

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.label_files import labels_from, read_labels
from stzsar.runtime.labels.labels import Label, as_labels


def names(path):
    return [label.name for label in read_labels(path)]


def test_a_text_file_is_read_past_its_mark_line_ends_comments_and_blanks(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffarchery\r\n\r\n# a comment\r\n  Íjászat 射箭  \r\nbowling".encode())

    assert names(path) == ["archery", "Íjászat 射箭", "bowling"]


def test_a_json_file_brings_attributes_and_text(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text('[{"label": "a", "attributes": ["x", "y"]}, {"label": "b", "text": "bee"}]')

    assert read_labels(path) == (Label("a", "a", ("x", "y")), Label("b", "bee", ("bee",)))


def test_where_attributes_are_from_is_for_people_and_not_read(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(
        '[{"label": "a", "attributes": ["x"], "source": "by hand"},'
        ' {"label": "b", "source": [{"url": "https://example.org", "date": "2026-01-01"}]}]'
    )

    assert read_labels(path) == (Label("a", attributes=("x",)), Label("b"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no labels"),
        (b"\n# only a comment\n", "holds no labels"),
        (b"a\nb\na\n", "names 'a' twice"),
        ("ijászat\n".encode("latin-1"), "not UTF-8"),
        ("a\n".encode("utf-16"), "not UTF-8"),
        (b"MZ\0\0\0", "not a text file"),
        (b"x" * 201, "at most 200"),
        ("\n".join(f"label {i}" for i in range(100_000)).encode(), "100000 labels; at most 10000"),
        (b"\x1b[31mred", "labels.txt: .* control character"),
        (b"a\x07b", r"line 1: .*'a\\x07b'.* control character"),
        (b"x" * (16 * 2**20 + 1), "Larger than 16 MiB"),
    ],
)
def test_a_file_that_cannot_be_labels_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)

    with pytest.raises(LabelError, match=message):
        read_labels(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "a\n" * 1_000_000, "more than 100,000 lines; at most 10,000 labels"),
        ("a.csv", "a,b\n" * 1_000_000, "more than 100,000 lines; at most 10,000 labels"),
        ("a.txt", "\n" * 15_000_000, "more than 100,000 lines"),
        ("a.csv", "label\n" + "".join(f"a{n}\n" for n in range(50_000)), "50001 labels; at most"),
        ("a.json", json.dumps([f"a{n}" for n in range(900_000)]), "900000 labels; at most 10000"),
        ("a.json", json.dumps({f"a{n}": 0 for n in range(300_000)}), "300000 labels; at most"),
        ("a.yaml", "".join(f"- a{n}\n" for n in range(50_000)), "50000 labels; at most 10000"),
        ("a.txt", "! " * 5_000_000, "line 1 has 10,000,000 characters: write one label a line"),
        ("a.csv", "," * 10_000_000, "line 1 has 10,000,000 characters"),
    ],
)
def test_a_slip_in_a_file_that_cameras_wait_for_is_refused_before_any_label_is_made(
    tmp_path, monkeypatch, name, content, message
):
    monkeypatch.setattr(Label, "__post_init__", lambda _: pytest.fail("a label was made"))
    (tmp_path / name).write_text(content)

    with pytest.raises(LabelError, match=message):
        read_labels(tmp_path / name)


@pytest.mark.parametrize("ending", ["", ".csv"])
def test_as_many_labels_as_are_scored_are_read_with_their_header(tmp_path, ending):
    names = [f"action {number}" for number in range(10_000)]
    (tmp_path / f"a{ending}").write_text("\n".join(["label", *names]) + 20 * "\n")

    assert [label.name for label in read_labels(tmp_path / f"a{ending}")] == names


def test_too_many_words_are_refused_before_any_label_is_made(monkeypatch):
    monkeypatch.setattr(Label, "__post_init__", lambda _: pytest.fail("a label was made"))
    for labels in (",".join(map(str, range(20_000))), list(map(str, range(20_000)))):
        with pytest.raises(LabelError, match="20000 labels; at most 10000"):
            labels_from(labels)
    with pytest.raises(LabelError, match="20000 labels; at most 10000"):
        as_labels(map(str, range(20_000)))


def test_numbers_alone_are_no_labels(tmp_path):
    (tmp_path / "labels.txt").write_text("0\n1\n2\n")

    with pytest.raises(LabelError, match=r"labels\.txt: its labels are numbers, which say nothing"):
        read_labels(tmp_path / "labels.txt")


def test_texts_that_no_network_reads_are_refused_before_they_are_tokenized():
    with pytest.raises(LabelError, match="'x' has a text or attribute of 2001 characters"):
        Label("x", "a" * 2001)
    with pytest.raises(LabelError, match="'x' has a text or attribute of 2004 characters"):
        Label("x", attributes=("b", "c d " * 501))
    assert Label("x", "a" * 2000).text == "a" * 2000


def test_json_is_read_under_any_name_and_its_words_are_stripped(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text('\n[{"label": " a ", "text": "", "attributes": ["bow\\n"]}]')

    assert read_labels(path) == (Label("a", attributes=("bow",)),)


def test_only_line_ends_part_labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("one\u2028two\r\nthree\rfour\u0085\n".encode())

    assert names(path) == ["one\u2028two", "three", "four"]


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this system")
def test_a_device_is_refused():
    with pytest.raises(LabelError, match=r"\(Not a regular file\): give a file"):
        read_labels(Path("/dev/zero"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
@pytest.mark.timeout(20)
def test_a_pipe_in_which_nobody_writes_is_refused(tmp_path):
    os.mkfifo(tmp_path / "labels.txt")

    with pytest.raises(LabelError, match="Not a regular file"):
        read_labels(tmp_path / "labels.txt")


COMPOSED, PARTED = "\u00cdj\u00e1szat", "I\u0301ja\u0301szat"


def test_two_spellings_of_one_label_are_one_label(tmp_path):
    (tmp_path / "labels.txt").write_text(f"{COMPOSED}\n{PARTED}\n", encoding="utf-8")

    with pytest.raises(LabelError, match="twice"):
        read_labels(tmp_path / "labels.txt")
    label = Label(PARTED, PARTED, (PARTED,))
    assert label == Label(COMPOSED)
    assert label.name == COMPOSED


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\ufeff\u2060", "\u00ad \u200d", "\u3164", "\u2800", "\ufe0f", "\u0301"]
)
def test_a_label_of_which_nothing_is_seen_is_refused(unseen):
    with pytest.raises(LabelError, match="shows nothing"):
        Label(unseen)
    with pytest.raises(LabelError, match="empty text or attribute"):
        Label("a", attributes=("bow", unseen))


@pytest.mark.parametrize(
    "seen", ["\U0001f9d7\u200d\u2640\ufe0f", "می\u200cخواهم", "射", "!", "\ue000"]
)
def test_emoji_joiners_and_signs_are_labels(seen):
    assert Label(seen).name == seen


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LabelError, match="No such file"):
        read_labels(tmp_path / "none.txt")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LabelError, match="Not a regular file"):
        read_labels(tmp_path)


def test_a_label_has_a_name_and_few_attributes():
    with pytest.raises(LabelError, match="empty"):
        Label(" ")
    with pytest.raises(LabelError, match="65 attributes"):
        Label("a", attributes=tuple(str(i) for i in range(65)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": 1}, "not made of words"),
        ({"attributes": ("x", 1)}, "not made of words"),
        ({"attributes": "bow"}, "attributes a list"),
        ({"attributes": ("x", " ")}, "empty text or attribute"),
        ({"text": " "}, "empty text or attribute"),
        ({"name": "a\nb"}, "control character"),
        ({"text": "a\x9bb"}, "control character"),
        ({"attributes": ("\ud800x",)}, "control character"),
        ({"name": "red\u202etxet"}, "control character"),
        ({"attributes": ("a\u2066b",)}, "control character"),
    ],
)
def test_a_label_is_words_that_can_be_shown_and_embedded(fields, message):
    with pytest.raises(LabelError, match=message):
        Label(**{"name": "a", **fields})


@pytest.mark.parametrize("labels", ["swim", Path("labels.txt")])
def test_one_string_is_no_list_of_labels(labels):
    with pytest.raises(LabelError, match=rf"give labels as \['{labels}'\]"):
        as_labels(labels)


def test_attributes_are_limited_altogether():
    attributes = tuple(f"attribute {index}" for index in range(64))

    with pytest.raises(LabelError, match="has 64 attributes; at most 100000"):
        as_labels([Label(f"label {index}", attributes=attributes) for index in range(1563)])


def test_no_labels_and_repeated_ones_are_refused():
    with pytest.raises(LabelError, match="No labels"):
        as_labels([])
    with pytest.raises(LabelError, match="twice"):
        as_labels(["a", Label("a")])
