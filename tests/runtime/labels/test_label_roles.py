import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.label_files import labels_from, read_labels
from stzsar.runtime.labels.labels import Label


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", "archery\n! a person walking\n"),
        ("labels.txt", "- archery\n- ! a person walking\n"),
        ("labels.txt", '1. "archery"\n2. ! a person walking  # all day\n'),
        ("labels.csv", "label,role\narchery,\na person walking,Ignore\n"),
        ("labels.csv", "0,archery\n1,! a person walking\n"),
        ("labels.json", '["archery", {"label": "a person walking", "role": "ignore"}]'),
        ("labels.json", '["archery", "! a person walking"]'),
        ("labels.yaml", "- archery\n- ! a person walking\n"),
        ("labels.yaml", "- archery\n- label: a person walking\n  role: ignore\n"),
        ("labels.yaml", "archery: \n! a person walking: \n"),
    ],
)
def test_every_form_can_say_what_to_ignore(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    assert read_labels(path) == (Label("archery"), Label("a person walking", role="ignore"))


def test_words_and_lists_can_say_what_to_ignore():
    expected = (Label("archery"), Label("walking", role="ignore"))
    assert labels_from("archery,! walking") == expected
    assert labels_from(["archery", "! walking"]) == expected
    assert labels_from(expected) == expected


def test_a_quoted_mark_is_a_part_of_the_label(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text('archery\n"! walking"\n')
    assert read_labels(path)[1] == Label("! walking")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"label": "a", "role": "context"}]', "item 1: 'a' has the role 'context': give action"),
        ('[{"label": "a", "role": 3}]', "item 1.*has no role: write action or ignore"),
        ('[{"label": "a", "role": ""}]', "item 1.*has no role: write action or ignore"),
    ],
)
def test_roles_that_no_file_gives_are_refused(tmp_path, content, message):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(LabelError, match=message):
        read_labels(path)
