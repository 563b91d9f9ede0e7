"""The label files of a run: one bank for all of them, and what each source is about."""

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.labels import Label, as_labels
from stzsar.runtime.labels.per_source import LabelFiles

KNOWN = (Label("red", attributes=("ruby",)), Label("blue", attributes=("sky",)))


class User:
    """Takes labels and keeps them."""

    def __init__(self):
        self.taken = []

    def use_labels(self, labels, *, labels_of=None, progress=None):
        self.taken.append(([label.name for label in labels], labels_of))


@pytest.fixture
def write(tmp_path):
    def write_labels(name, text):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_labels


def two_files(write, a, b):
    paths = {"a": write("a.txt", a), "b": write("b.txt", b)}
    return paths, LabelFiles(None, paths, sources="ab", known=KNOWN)


def test_without_files_there_is_what_the_bundle_knows():
    files = LabelFiles(None, {}, sources=["a"], known=KNOWN)

    assert files.all_labels() is None
    assert files.labels_of() == {}


def test_a_source_without_a_file_is_about_what_the_bundle_knows(write):
    files = LabelFiles(None, {"a": write("a.txt", "red\ngreen\n")}, sources="ab", known=KNOWN)

    assert [label.name for label in files.all_labels() or ()] == ["red", "green", "blue"]
    assert files.labels_of() == {"a": ["red", "green"], "b": ["red", "blue"]}


def test_what_one_source_means_by_a_label_is_not_what_all_mean(write):
    own = write("a.json", '[{"label": "red", "attributes": ["grass"]}]')

    with pytest.raises(LabelError, match="mean different things by 'red'"):
        LabelFiles(None, {"a": own}, sources="ab", known=KNOWN)
    # Alone it may mean what it wants.
    assert LabelFiles(None, {"a": own}, sources="a", known=KNOWN).all_labels()


def test_two_streams_that_spell_a_label_differently_are_one_sentence(write):
    with pytest.raises(
        LabelError, match="spell one label 'YoYo' and 'yo-yo': give it one spelling"
    ):
        two_files(write, "YoYo\n", "yo-yo\n")


def test_a_file_that_is_saved_unchanged_changes_nothing(write):
    paths, files = two_files(write, "red\n", "blue\n")
    user = User()

    files.change(paths["a"], as_labels(["red"]), user, None)
    assert user.taken == []
    files.change(paths["a"], as_labels(["green"]), user, None)
    assert user.taken == [(["green", "blue"], {"a": ["green"], "b": ["blue"]})]


def test_a_label_may_be_edited_in_two_files_one_after_the_other(write):
    """The first edit contradicts the other file until that is edited too."""
    paths, files = two_files(write, "red\n", "red\n")
    user = User()
    meant = (Label("red", attributes=("rose",)),)

    with pytest.raises(LabelError):
        files.change(paths["a"], meant, user, None)
    assert user.taken == []
    files.change(paths["b"], meant, user, None)
    assert user.taken == [(["red"], {"a": ["red"], "b": ["red"]})]
