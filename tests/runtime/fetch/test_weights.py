"""Files of weights from strangers: what is read, and what is refused in one sentence."""

import json

import numpy as np
import pytest

from stzsar.runtime.errors import BundleError
from stzsar.runtime.fetch.weights import MAX_HEADER_BYTES, open_weights


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.fixture
def read(tmp_path):
    def read(content, name="weight"):
        path = tmp_path / "weights.safetensors"
        path.write_bytes(content)
        with open_weights(path) as weights:
            return weights.read(name)

    return read


def test_floats_of_each_width_become_float32(read):
    values = np.asarray([1.5, -2.0, 0.25], np.float32)
    for kind, data in (
        ("F64", values.astype("<f8")),
        ("F32", values),
        ("F16", values.astype("<f2")),
        ("BF16", (values.view(np.uint32) >> 16).astype("<u2")),
    ):
        header = {"weight": entry(kind, (3, 1), (0, data.nbytes)), "__metadata__": {"shape": "no"}}
        found = read(safetensors(header, data.tobytes()))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, values[:, None])


def test_a_single_number_has_no_shape(read):
    found = read(safetensors({"weight": entry(shape=(), offsets=(0, 4))}, np.float32(3).tobytes()))
    assert found.shape == ()
    assert found == 3


def test_each_tensor_is_found_at_its_place(read):
    header = {"first": entry(), "weight": entry(offsets=(8, 16))}
    data = np.arange(4, dtype=np.float32).tobytes()
    np.testing.assert_array_equal(read(safetensors(header, data)), [2, 3])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not start with the length of a header"),
        (b"PK\x03\x04 a zip, as .pt files are", "does not start with the length of a header"),
        ((2**63).to_bytes(8, "little") + b"{}", "does not start with the length of a header"),
        (safetensors(b"[1, 2]"), "in its header, expected object, got array"),
        (safetensors(b"{nonsense"), "in its header, "),
        (safetensors(b"[" * 100_000), "in its header, "),
        (safetensors({"weight": {"dtype": "F32"}}), "missing required field shape"),
        (safetensors({"weight": entry(shape=(-1,))}), "shape.*: expected int >= 0"),
        (safetensors({"weight": entry(shape=(2**39, 4))}), "'weight' an impossible size"),
        (safetensors({"weight": entry(shape=(0, 2**39, 4))}), "'weight' an impossible size"),
        (safetensors({"weight": entry(offsets=(8, 0))}), "'weight' an impossible size"),
        (safetensors({"weight": entry(shape=(3,))}, b"8 bytes."), "8 bytes, and its shape .3. tak"),
    ],
)
def test_what_is_no_safetensors_file_is_one_sentence(read, content, message):
    with pytest.raises(BundleError, match=f"is not a safetensors file: .*{message}.*look for the"):
        read(content)


def test_a_file_that_ends_too_early_is_one_sentence(read):
    header = {"weight": entry(shape=(2, 4), offsets=(0, 32))}
    with pytest.raises(BundleError, match=r"ends too early: it has \d+ of \d+ bytes\. Copy or dow"):
        read(safetensors(header, b"8 bytes."))


def test_numbers_that_are_no_floats_are_refused(read):
    with pytest.raises(BundleError, match="holds weight as I64, and weights are floats"):
        read(safetensors({"weight": entry("I64", (1,))}, b"8 bytes."))


def test_a_header_has_a_limit(read):
    content = (MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b" " * (MAX_HEADER_BYTES + 1)
    with pytest.raises(BundleError, match="does not start with the length of a header"):
        read(content)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    missing = pytest.raises(BundleError, match=r"Cannot read the weights .*: No such file")
    with missing, open_weights(tmp_path / "gone.safetensors"):
        pass
    folder = pytest.raises(BundleError, match=r"Cannot read the weights .*: Not a regular file")
    with folder, open_weights(tmp_path):
        pass
