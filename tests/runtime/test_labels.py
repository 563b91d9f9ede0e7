import numpy as np
import pytest

from stzsar.runtime.errors import BundleError, LabelError
from stzsar.runtime.labels import (
    Label,
    LabelBank,
    as_labels,
    nearest_names,
    read_labels,
    stack_banks,
)


def names(path):
    return [label.name for label in read_labels(path)]


def bank_of(*labels: Label, words: int = 1) -> LabelBank:
    count = len(labels)
    rng = np.random.default_rng(count)
    return LabelBank(
        labels,
        rng.random((count, 3), np.float32),
        rng.random((count, words, 3), np.float32),
        np.ones((count, words), bool),
    )


def test_a_text_file_is_read_past_its_mark_line_ends_comments_and_blanks(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeffarchery\r\n\r\n# a comment\r\n  Íjászat 射箭  \r\nbowling".encode())

    assert names(path) == ["archery", "Íjászat 射箭", "bowling"]


def test_a_json_file_brings_attributes_and_text(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text('[{"label": "a", "attributes": ["x", "y"]}, {"label": "b", "text": "bee"}]')

    assert read_labels(path) == (Label("a", "a", ("x", "y")), Label("b", "bee", ("bee",)))


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
    ],
)
def test_a_file_that_cannot_be_labels_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "labels.txt"
    path.write_bytes(content)

    with pytest.raises(LabelError, match=message):
        read_labels(path)


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}x",
        '["a"]',
        '[{"attributes": []}]',
        '[{"label": 1}]',
        '[{"label": "a", "attributes": "b"}]',
        '{"label": "a"}',
        "[[]]",
        "3",
    ],
)
def test_json_of_another_form_is_refused(tmp_path, content):
    path = tmp_path / "labels.json"
    path.write_text(content)

    with pytest.raises(LabelError, match="is not a list of"):
        read_labels(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LabelError, match="No such file"):
        read_labels(tmp_path / "none.txt")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LabelError, match="directory"):
        read_labels(tmp_path)


def test_a_label_has_a_name_and_few_attributes():
    with pytest.raises(LabelError, match="empty"):
        Label(" ")
    with pytest.raises(LabelError, match="65 attributes"):
        Label("a", attributes=tuple(str(i) for i in range(65)))


def test_no_labels_and_repeated_ones_are_refused():
    with pytest.raises(LabelError, match="No labels"):
        as_labels([])
    with pytest.raises(LabelError, match="twice"):
        as_labels(["a", Label("a")])


def test_the_nearest_names_are_those_spelt_alike():
    assert nearest_names("archry", ["bowling", "archery", "diving"], count=1) == ["archery"]


def test_nearness_does_not_mind_case():
    assert nearest_names("ARCHERY", ["SOCCER", "archery", "DIVING"], count=1) == ["archery"]


def test_a_bank_survives_its_file(tmp_path):
    bank = bank_of(Label("Íjászat", "archery", ("bow", "arrow")), Label("b"), words=2)
    bank.save(tmp_path / "bank.npz")

    found = LabelBank.load(tmp_path / "bank.npz")

    assert found.labels == bank.labels
    for name, array in bank.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)


def test_a_bank_with_pickles_in_it_is_refused(tmp_path):
    np.savez(tmp_path / "bank.npz", labels=np.asarray([{"name": "a"}], dtype=object))

    with pytest.raises(BundleError, match="not a label bank"):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize("content", [b"", b"not a bank", b"PK\x03\x04 cut"])
def test_what_is_no_bank_is_refused(tmp_path, content):
    (tmp_path / "bank.npz").write_bytes(content)

    with pytest.raises(BundleError, match="not a label bank"):
        LabelBank.load(tmp_path / "bank.npz")


def test_banks_of_different_widths_are_stacked_with_masked_rows():
    stacked = stack_banks([bank_of(Label("a")), bank_of(Label("b"), Label("c"), words=3)])

    assert stacked.names == ("a", "b", "c")
    assert stacked.attribute_embeddings.shape == (3, 3, 3)
    assert stacked.attribute_mask.sum(1).tolist() == [1, 3, 3]
    assert not stacked.attribute_embeddings[0, 1:].any()
