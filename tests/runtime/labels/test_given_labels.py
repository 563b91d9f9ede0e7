"""Labels that people give streams while they are watched."""

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.labels.per_source import LabelFiles

KNOWN = (Label("archery", attributes=("a bow",)), Label("waving"))
HALL, DOOR = "hall", "door"


class User:
    """Notes the labels that it is to use."""

    def use_labels(self, labels, *, labels_of=None, progress=None):
        self.labels, self.labels_of = labels, labels_of

    @property
    def names(self):
        return sorted(label.name for label in self.labels)


@pytest.fixture
def user():
    return User()


def test_one_stream_gets_others_and_the_rest_keep_theirs(user):
    files = LabelFiles(None, {}, sources=[HALL, DOOR], known=KNOWN)
    files.give([HALL], [Label("yoga"), Label("walking", role="ignore")], user)
    assert user.names == ["archery", "walking", "waving", "yoga"]
    assert user.labels_of == {HALL: ["yoga", "walking"], DOOR: ["archery", "waving"]}
    assert files.is_given(HALL)
    assert not files.is_given(DOOR)


def test_labels_that_no_stream_has_any_more_are_not_embedded(user):
    files = LabelFiles(["archery", "waving"], {}, sources=[HALL, DOOR], ignore=["walking"])
    files.give([HALL, DOOR], [Label("yoga")], user)
    assert user.names == ["yoga"]


def test_a_file_that_is_saved_afterwards_counts(user, tmp_path):
    file = tmp_path / "labels.txt"
    file.write_text("archery\n")
    files = LabelFiles(file, {}, sources=[HALL])
    files.give([HALL], [Label("yoga")], user)
    assert user.names == ["yoga"]
    files.change(file, [Label("waving")], user, None)
    assert user.names == ["waving"]
    assert not files.is_given(HALL)


def test_labels_that_do_not_fit_those_of_others_change_nothing(user):
    files = LabelFiles(["archery"], {}, sources=[HALL, DOOR])
    with pytest.raises(LabelError, match="to be ignored"):
        files.give([HALL], [Label("archery", role="ignore"), Label("yoga")], user)
    assert files.labels_in(HALL) == (Label("archery"),)
    assert not hasattr(user, "labels")


def test_new_regions_have_the_labels_of_the_stream(user):
    files = LabelFiles(["archery"], {HALL: (Label("yoga"),)}, sources=[HALL, DOOR])
    files.use_sources([HALL], ["hall/left", "hall/right"], user)
    assert user.labels_of == {
        "hall/left": ["yoga"],
        "hall/right": ["yoga"],
        DOOR: ["archery"],
    }
    files.give(["hall/left"], [Label("waving")], user)
    files.use_sources(["hall/left", "hall/right"], ["hall/left"], user)
    assert files.labels_in("hall/left") == (Label("waving"),)
    assert files.sources == (DOOR, "hall/left")
