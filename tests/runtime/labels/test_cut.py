"""Labels that are longer than what a network reads are said, and those that are then one."""

from stzsar.runtime.labels.cut import cut_warning
from stzsar.runtime.labels.labels import Label

LABELS = (Label("long one"), Label("long two"), Label("other", attributes=("far too long", "bow")))


def test_nothing_is_said_of_labels_that_are_read_whole():
    assert cut_warning(LABELS, {}, 24) == ""


def test_labels_and_attributes_that_are_cut_are_counted():
    cut = {"long one": b"1", "far too long": b"2"}
    assert cut_warning(LABELS, cut, 24) == (
        "1 labels and 1 attributes are longer than the 24 tokens that the network reads, and are "
        "cut; the first is 'long one'."
    )
    assert "the first is 'far too long'" in cut_warning(LABELS, {"far too long": b"2"}, 24)


def test_labels_that_differ_only_behind_the_cut_are_named_together():
    said = cut_warning(LABELS, {"long one": b"long", "long two": b"long"}, 77)
    assert "The network cannot tell 'long one' and 'long two' apart" in said
    assert "other" not in said


def test_attributes_tell_labels_apart_whose_texts_are_cut_alike():
    labels = [Label("long one", attributes=("bow",)), Label("long two", attributes=("bat",))]
    cut = {"long one": b"long", "long two": b"long"}
    assert "cannot tell" not in cut_warning(labels, cut, 77)


def test_of_many_the_first_are_named():
    labels = [Label(f"long {number} {side}") for number in range(9) for side in "ab"]
    cut = {label.text: label.text[:6].encode() for label in labels}
    said = cut_warning(labels, cut, 77)
    assert "'long 4 a' and 'long 4 b'" in said
    assert "'long 5 a'" not in said
    assert "and 4 more" in said
