import io
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile

import numpy as np
import pytest

from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.bank import LabelBank, stack_banks
from stzsar.runtime.labels.labels import Label


def bank_of(*labels: Label, words: int = 1) -> LabelBank:
    count = len(labels)
    rng = np.random.default_rng(count)
    return LabelBank(
        labels,
        rng.random((count, 3), np.float32),
        rng.random((count, words, 3), np.float32),
        np.ones((count, words), bool),
    )


def test_a_bank_survives_its_file(tmp_path):
    bank = bank_of(
        Label("Íjászat", "archery", ("bow", "arrow")), Label("b", attributes=("c", "d")), words=2
    )
    bank.save(tmp_path / "bank.npz")

    found = LabelBank.load(tmp_path / "bank.npz")

    assert found.labels == bank.labels
    for name, array in bank.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)


def test_a_bank_with_pickles_in_it_is_refused(tmp_path):
    np.savez(tmp_path / "bank.npz", labels=np.asarray([{"name": "a"}], dtype=object))

    with pytest.raises(BundleError, match="not a label bank"):
        LabelBank.load(tmp_path / "bank.npz")


def spoilt_bank(path, labels='[{"name": "a", "text": "a", "attributes": []}]', **arrays):
    """Write a bank of one label in which something is wrong."""
    whole = {
        "labels": np.asarray(labels),
        "class_embeddings": np.ones((1, 3), np.float32),
        "attribute_embeddings": np.ones((1, 1, 3), np.float32),
        "attribute_mask": np.ones((1, 1), bool),
    }
    np.savez(path, **{**whole, **arrays})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("[" * 10**5, "expected object"),
        ('[{"name": 1, "text": "a", "attributes": []}]', r"\[0\]\.name: expected str"),
        ('[{"name": "a", "text": "a", "attributes": "b"}]', r"\[0\]\.attributes: expected array"),
        ('[{"name": "a", "text": "a", "attributes": [], "x": ' + "[" * 10**5, "nested too deeply"),
        ('[{"name": "\\u001b[2J", "text": "a", "attributes": []}]', "control character"),
    ],
)
def test_a_bank_of_spoilt_labels_is_refused(tmp_path, labels, message):
    spoilt_bank(tmp_path / "bank.npz", labels)

    with pytest.raises(BundleError, match=f"not a label bank: .*{message}"):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"class_embeddings": np.full((1, 3), np.nan)}, "class_embeddings are not finite"),
        ({"attribute_embeddings": np.full((1, 1, 3), np.inf)}, "are not finite"),
        ({"attribute_mask": np.zeros((1, 1), bool)}, "a label has no attribute"),
        ({"class_embeddings": np.ones((2, 3))}, "expected"),
        ({"class_embeddings": np.float32(1)}, "not a label bank"),
    ],
)
def test_a_bank_of_useless_numbers_is_refused(tmp_path, arrays, message):
    spoilt_bank(tmp_path / "bank.npz", **arrays)

    with pytest.raises(BundleError, match=message):
        LabelBank.load(tmp_path / "bank.npz")


def test_a_bank_without_labels_is_refused(tmp_path):
    spoilt_bank(
        tmp_path / "bank.npz",
        "[]",
        class_embeddings=np.ones((0, 3)),
        attribute_embeddings=np.ones((0, 1, 3)),
        attribute_mask=np.ones((0, 1), bool),
    )

    with pytest.raises(BundleError, match="it holds no labels"):
        LabelBank.load(tmp_path / "bank.npz")


def test_a_plain_array_by_the_name_of_a_bank_is_refused(tmp_path):
    with (tmp_path / "bank.npz").open("wb") as file:
        np.save(file, np.ones(3))

    with pytest.raises(BundleError, match="not a label bank"):
        LabelBank.load(tmp_path / "bank.npz")


def bomb(path, members):
    """Write a bank whose arrays have these headers, and whose directory says that all is there."""
    claimed = {}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, (head, size) in members.items():
            archive.writestr(f"{name}.npy", head + bytes(min(size, 10_000)))
            claimed[name] = len(head) + size
        for entry, size in zip(archive.infolist(), claimed.values(), strict=True):
            entry.file_size = size


def head_of(kind, shape):
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        out, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return out.getvalue(), int(np.prod(shape)) * np.dtype(kind).itemsize


def test_a_bank_that_unpacks_to_gigabytes_is_refused_unread(tmp_path, monkeypatch):
    bomb(tmp_path / "bank.npz", {
        "labels": head_of("<U2", ()),
        "class_embeddings": head_of("<f2", (10_000, 10_400)),
        "attribute_embeddings": head_of("<f2", (10_000, 9, 10_400)),
        "attribute_mask": head_of("|b1", (10_000, 9)),
    })  # fmt: skip
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("unpacked it"))

    with pytest.raises(BundleError, match="more than 640 MiB of float32"):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize("length", [5000, 2**31 - 1])
def test_a_header_that_unpacks_to_gigabytes_is_refused_unread(tmp_path, length):
    head = b"\x93NUMPY\x02\x00" + length.to_bytes(4, "little") + b" " * 5000
    bomb(tmp_path / "bank.npz", {"labels": (head, length)})

    with pytest.raises(BundleError, match="not a label bank: EOF: reading array header"):
        LabelBank.load(tmp_path / "bank.npz")


def test_a_bank_for_other_labels_than_it_has_is_refused_unread(tmp_path):
    spoilt_bank(tmp_path / "bank.npz", "[]", class_embeddings=np.ones((1, 3)))

    with pytest.raises(BundleError, match="it has 0 labels and arrays for 1"):
        LabelBank.load(tmp_path / "bank.npz")


def test_an_array_of_another_size_than_its_shape_is_refused(tmp_path):
    head, size = head_of("<U2", ())
    bomb(tmp_path / "bank.npz", {"labels": (head, size + 4)})

    with pytest.raises(BundleError, match=r"labels is .* which is not its size"):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_a_bank_that_is_compressed_in_another_way_is_refused(tmp_path, method):
    with ZipFile(tmp_path / "bank.npz", "w", method) as archive:
        archive.writestr("labels.npy", b"small")

    with pytest.raises(BundleError, match="compressed in a way that banks do not use"):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"class_embeddings": np.ones((1, 3), np.complex64)}, "is complex64, expected floats"),
        ({"class_embeddings": np.full((1, 3), "1.0")}, "is <U3, expected floats"),
        ({"attribute_mask": np.ones((1, 1))}, "is float64, expected truth values"),
        ({"labels": np.asarray(3)}, "expected text"),
        ({"labels": np.asarray(["[]"])}, "expected one text"),
        ({"attribute_embeddings": np.ones((1, 1, 4))}, r"is \[1, 1, 4\], expected \[1, 1, 3\]"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_bank_of_other_types_is_refused_without_a_warning(tmp_path, arrays, message):
    spoilt_bank(tmp_path / "bank.npz", **arrays)

    with pytest.raises(BundleError, match=message):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize("shape", [(10_001, 1, 1), (10_000, 11, 1), (1, 1, 16_385)])
def test_a_bank_that_is_too_large_is_refused_by_its_headers(tmp_path, monkeypatch, shape):
    classes, words, dim = shape
    spoilt_bank(
        tmp_path / "bank.npz",
        class_embeddings=np.zeros((classes, dim), np.float32),
        attribute_embeddings=np.zeros(shape, np.float32),
        attribute_mask=np.zeros((classes, words), bool),
    )
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("unpacked it"))

    with pytest.raises(BundleError, match="are too many"):
        LabelBank.load(tmp_path / "bank.npz")


@pytest.mark.parametrize("spoil", ["deflate", "shape"])
def test_a_bank_with_spoilt_bytes_is_refused(tmp_path, spoil):
    path = tmp_path / "bank.npz"
    spoilt_bank(tmp_path / "whole.npz")
    with ZipFile(tmp_path / "whole.npz") as whole, ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name in whole.namelist():
            content = whole.read(name)
            if spoil == "shape" and name.startswith("class"):
                content = content.replace(b"(1, 3), }" + b" " * 12, b"(3, 1000000000000), }")
            archive.writestr(name, content)
    if spoil == "deflate":
        content = path.read_bytes()
        start = content.index(b"labels.npy") + len("labels.npy")
        path.write_bytes(content[:start] + b"\xff" * 8 + content[start + 8 :])

    with pytest.raises(BundleError, match="not a label bank"):
        LabelBank.load(path)


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
