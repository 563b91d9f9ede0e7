import json
import os

import numpy as np
import pytest

from stzsar.runtime import bundle as bundles
from stzsar.runtime.bundle import Bundle, find_bundle, newest_bundle, sha256_of
from stzsar.runtime.errors import BundleError
from stzsar.runtime.recognizer import Recognizer


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_a_bundle_is_read_as_it_was_written(bundle):
    opened = Bundle.open(bundle)

    assert opened.manifest.name == "colours"
    assert opened.manifest.states == ("colour", "closeness")
    assert opened.bank.names == ("red", "green", "blue")


def test_a_manifest_survives_its_json(bundle):
    manifest = Bundle.open(bundle).manifest

    assert type(manifest).from_json(manifest.to_json(), where="here") == manifest


@pytest.mark.parametrize("name", ["frame.onnx", "window.onnx", "text.onnx", "tokenizer.json"])
def test_a_file_that_was_changed_is_refused_by_name(own_bundle, name):
    with (own_bundle / name).open("ab") as file:
        file.write(b" ")

    with pytest.raises(BundleError, match=f"{name} was changed"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize("name", ["frame.onnx", "bank.npz", "tokenizer.json"])
def test_a_file_that_is_missing_is_refused_by_name(own_bundle, name):
    (own_bundle / name).unlink()

    with pytest.raises(BundleError, match=f"lacks {name}"):
        Bundle.open(own_bundle)


def test_a_manifest_that_lists_too_little_is_refused(own_bundle, rewrite_manifest):
    files = manifest_of(own_bundle)["files"]
    del files["text.onnx"]
    rewrite_manifest(own_bundle, files=files)

    with pytest.raises(BundleError, match=r"does not list text\.onnx"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "engines/../../secret"])
def test_a_manifest_that_points_outside_is_refused(own_bundle, rewrite_manifest, name):
    (own_bundle.parent / "secret").write_text("x")
    files = {**manifest_of(own_bundle)["files"], name: sha256_of(own_bundle.parent / "secret")}
    rewrite_manifest(own_bundle, files=files)

    with pytest.raises(BundleError, match="outside"):
        Bundle.open(own_bundle)


def test_a_newer_format_is_refused(own_bundle, rewrite_manifest):
    rewrite_manifest(own_bundle, format_version=2)

    with pytest.raises(BundleError, match=r"format version 2 .* upgrade stzsar"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "int3"},
        {"states": []},
        {"sampling": {"frames": 0, "rate_fps": 4}},
        {"sampling": {"frames": 4}},
        {"pixels": None},
        {"text": {"prompt": "no place", "context_length": 4}},
        {"text": {}},
        {"files": 3},
        {"weights": "mine"},
        {"surprise": 1},
    ],
)
def test_a_manifest_with_nonsense_is_refused(own_bundle, rewrite_manifest, changes):
    rewrite_manifest(own_bundle, **changes)

    with pytest.raises(BundleError, match="not a valid manifest"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize("content", [b"", b"[]", b"3", b"{}", b"\xff\xfe", b"null", b'{"a": '])
def test_what_is_no_manifest_is_refused(own_bundle, content):
    (own_bundle / "manifest.json").write_bytes(content)

    with pytest.raises(BundleError, match="manifest"):
        Bundle.open(own_bundle)


def test_a_folder_that_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match="not a bundle"):
        Bundle.open(tmp_path)


def test_a_bank_with_pickles_is_refused(own_bundle, rewrite_manifest):
    np.savez(own_bundle / "bank.npz", labels=np.asarray([object()], dtype=object))
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match="not a label bank"):
        Bundle.open(own_bundle)


def test_a_graph_that_is_not_the_manifest_s_is_refused(own_bundle, rewrite_manifest):
    (own_bundle / "window.onnx").write_bytes((own_bundle / "frame.onnx").read_bytes())
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match=r"window\.onnx takes \['frames'\]"):
        Recognizer.load(own_bundle)


def test_a_graph_without_a_state_is_refused(own_bundle, rewrite_manifest):
    rewrite_manifest(own_bundle, states=["colour", "closeness", "depth"])

    with pytest.raises(BundleError, match=r"frame\.onnx does not give \['depth'\]"):
        Recognizer.load(own_bundle)


def test_the_newest_bundle_is_the_one_written_last(tmp_path):
    for age, name in enumerate(["b", "a/deep", "c"]):
        (tmp_path / name).mkdir(parents=True)
        manifest = tmp_path / name / "manifest.json"
        manifest.write_text("{}")
        os.utime(manifest, (1000 + age, 1000 + age))

    assert newest_bundle(tmp_path) == tmp_path / "c"
    assert find_bundle(tmp_path) == tmp_path / "c"


def test_without_any_run_the_shipped_bundle_is_taken(tmp_path, bundle, monkeypatch):
    monkeypatch.setattr(bundles, "shipped_bundle", lambda: bundle)

    assert newest_bundle(tmp_path) is None
    assert find_bundle(tmp_path) == bundle


def test_without_any_bundle_the_way_to_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(bundles, "shipped_bundle", lambda: tmp_path / "none")

    with pytest.raises(BundleError, match="stzsar-export"):
        find_bundle(tmp_path)
