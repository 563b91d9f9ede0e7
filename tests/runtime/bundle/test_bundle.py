import json
import os

import numpy as np
import onnx
import pytest

from stzsar.runtime.bundle import bundle as bundles
from stzsar.runtime.bundle.bundle import (
    Bundle,
    find_bundle,
    newest_bundle,
    open_default_bundle,
    sha256_of,
)
from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.bank import LabelBank
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


def test_a_bundle_with_features_holds_the_graph_that_takes_them(own_bundle, rewrite_manifest):
    files = manifest_of(own_bundle)["files"]
    del files["state.onnx"]
    rewrite_manifest(own_bundle, files=files)

    with pytest.raises(BundleError, match=r"does not list state\.onnx"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "engines/../../secret", "a\0b", "\ud800", "..", ""]
)
def test_a_manifest_that_points_outside_is_refused(own_bundle, rewrite_manifest, name):
    (own_bundle.parent / "secret").write_text("x")
    files = {**manifest_of(own_bundle)["files"], name: sha256_of(own_bundle.parent / "secret")}
    rewrite_manifest(own_bundle, files=files)

    with pytest.raises(BundleError, match=r"outside the bundle or not a file name|not a stzsar"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize("name", ["frame.onnx", "bank.npz"])
def test_a_link_is_refused_even_if_it_leads_to_the_right_bytes(own_bundle, tmp_path, name):
    moved = (own_bundle / name).rename(tmp_path / "elsewhere")
    (own_bundle / name).symlink_to(moved)

    with pytest.raises(BundleError, match=f"{name} is a link or not a regular file"):
        Bundle.open(own_bundle)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
@pytest.mark.parametrize("name", ["manifest.json", "frame.onnx"])
def test_a_pipe_in_a_bundle_is_refused_and_waits_for_nobody(own_bundle, name):
    (own_bundle / name).unlink()
    os.mkfifo(own_bundle / name)

    with pytest.raises(BundleError, match="not a regular file"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize("version", [0, -1, 1.0, True, "1", None])
def test_a_format_that_never_was_is_refused(own_bundle, rewrite_manifest, version):
    rewrite_manifest(own_bundle, format_version=version)

    with pytest.raises(BundleError, match=r"format.version"):
        Bundle.open(own_bundle)


def test_a_newer_format_is_refused(own_bundle, rewrite_manifest):
    rewrite_manifest(own_bundle, format_version=99)

    with pytest.raises(BundleError, match=r"format version 99 .* upgrade stzsar"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "int3"},
        {"states": []},
        {"sampling": {"frames": 0, "rate_fps": 4, "max_frames": 8}},
        {"sampling": {"frames": 4, "max_frames": 8}},
        {"sampling": {"frames": 4, "rate_fps": 4}},
        *(
            {"sampling": {"frames": 4, "rate_fps": 4, "max_frames": longest}}
            for longest in (3, 8.0, True, None, 10**12)
        ),
        {"label_states": ["colour", "another"]},
        {"label_states": None},
        {"label_states": [["closeness"]]},
        {"features": ["frame_embedding", "patch_embeddings", "another"]},
        {"features": ["frame_embedding"]},  # and yet a grid of patches
        *({"patch_grid": grid} for grid in (None, [], [2], [2, 2, 1], [0, 4], [2.0, 2], "22", 4)),
        {"pixels": None},
        *(
            {"text": {"prompts": prompts, "context_length": 12}}
            for prompts in (
                ["no place"],
                [],
                "a {}",
                ["a {}", "a {}"],
                [3],
                ["{} and {}"],
                ["{}" + "a" * 1000],
                [f"{i} {{}}" for i in range(257)],
            )
        ),
        {"text": {}},
        {"files": 3},
        {"weights": "mine"},
        {"surprise": 1},
        {"files": [["frame.onnx", "0"]]},
        {"weights": {"source": "mine", "knows": 3}},
        {"states": [["a"]]},
        {"states": ["a", "a"]},
        *(
            {"pixels": {"size_px": size, "mean": [0, 0, 0], "std": [1, 1, 1]}}
            for size in (0, 16.5, True, "16", None, 10**6, 10**12)
        ),
        *(
            {"sampling": {"frames": frames, "rate_fps": 4, "max_frames": 256}}
            for frames in (4.0, True, 10**12)
        ),
        *(
            {"sampling": {"frames": 4, "rate_fps": rate, "max_frames": 256}}
            for rate in (0, -1, True, "4", float("inf"), float("nan"), 10**400)
        ),
        *(
            {"text": {"prompts": ["{}"], "context_length": length}}
            for length in (-1, 0, 1, 10**11, "12", 12.0)
        ),
        {"text": {"prompts": ["\ud800 {}"], "context_length": 12}},
    ],
)
def test_a_manifest_with_nonsense_is_refused(own_bundle, rewrite_manifest, changes):
    rewrite_manifest(own_bundle, **changes)

    with pytest.raises(BundleError, match=r"not a (valid|stzsar) manifest"):
        Bundle.open(own_bundle)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"3", b"{}", b"\xff\xfe", b"null", b'{"a": ', b"[" * 10**5]
)
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

    with pytest.raises(BundleError, match=r"frame\.onnx lacks the outputs \['depth'\]"):
        Recognizer.load(own_bundle)


def test_a_graph_for_frames_of_another_size_is_refused(own_bundle, rewrite_manifest):
    rewrite_manifest(own_bundle, pixels={"size_px": 32, "mean": [0, 0, 0], "std": [1, 1, 1]})

    with pytest.raises(BundleError, match=r"takes frames of any x 16 x 16 x 3 .* has any x 32 x"):
        Recognizer.load(own_bundle)


def fix_sizes(path, name, sizes):
    """Declare the sizes of a graph's input, as one that was made for another network does."""
    model = onnx.load(path)
    declared = next(value for value in model.graph.input if value.name == name)
    for dim, size in zip(declared.type.tensor_type.shape.dim, sizes, strict=True):
        if size:
            dim.dim_value = size
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("file", "name", "sizes", "given"),
    [
        ("frame.onnx", "class_embeddings", (0, 3), "any x 3 and the bundle has 3 x 5"),
        ("window.onnx", "attribute_embeddings", (0, 0, 3), "any x any x 3 .* has 3 x 2 x 5"),
    ],
)
def test_a_bank_of_another_width_than_the_graphs_is_refused(
    own_bundle, rewrite_manifest, file, name, sizes, given
):
    fix_sizes(own_bundle / file, name, sizes)
    labels, rng = LabelBank.load(own_bundle / "bank.npz").labels, np.random.default_rng(0)
    rows = {"class": rng.random((3, 5)), "attribute": rng.random((3, 2, 5))}
    mask = np.asarray([[True, n < len(label.attributes)] for label in labels for n in [1]])
    bank = LabelBank(labels, rows["class"], rows["attribute"], mask)
    bank.save(own_bundle / "bank.npz")
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match=f"{file} takes {name} of {given}"):
        Recognizer.load(own_bundle)


def test_a_window_graph_for_states_of_another_width_is_refused(own_bundle, rewrite_manifest):
    fix_sizes(own_bundle / "window.onnx", "colour", (0, 0, 4))
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match=r"takes colour of any x any x 4 .* has any x any x 3"):
        Recognizer.load(own_bundle)


@pytest.mark.parametrize("place", ["side.bin", "../outside.bin", "/etc/hostname"])
def test_a_graph_that_reads_other_files_is_refused(own_bundle, rewrite_manifest, place):
    path = own_bundle / "window.onnx"
    model = onnx.load(path)
    gamma = next(tensor for tensor in model.graph.initializer if tensor.name == "gamma")
    gamma.ClearField("raw_data")
    gamma.data_location = onnx.TensorProto.EXTERNAL
    gamma.external_data.add(key="location", value=place)
    path.write_bytes(model.SerializeToString())
    for name in ("side.bin", "../outside.bin"):
        (own_bundle / name).write_bytes(np.float32(20).tobytes())
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match=r"window\.onnx is refused: it keeps weights in"):
        Bundle.open(own_bundle)


def write_seeming_bundle(folder, age, files=("frame.onnx", "window.onnx")):
    folder.mkdir(parents=True)
    for name in (*files, "manifest.json"):
        (folder / name).write_text("{}")
    os.utime(folder / "manifest.json", (1000 + age, 1000 + age))


def test_the_newest_bundle_is_the_one_written_last(tmp_path):
    for age, name in enumerate(["b", "a/deep", "c", ".hidden", "a/.hidden/deep"]):
        write_seeming_bundle(tmp_path / name, age)
    write_seeming_bundle(tmp_path / "of another tool", 9, files=())

    assert newest_bundle(tmp_path) == tmp_path / "c"
    assert find_bundle(tmp_path) == tmp_path / "c"


def test_without_any_run_the_shipped_bundle_is_taken(tmp_path, bundle, monkeypatch):
    monkeypatch.setattr(bundles, "shipped_bundle", lambda: bundle)

    assert newest_bundle(tmp_path) is None
    assert find_bundle(tmp_path) == bundle


@pytest.fixture
def warnings(monkeypatch):
    """What bundles warn of, as they write it."""
    heard: list[str] = []
    monkeypatch.setattr(bundles.log, "warning", lambda text, *args: heard.append(text % args))
    return heard


def test_the_shipped_bundle_says_what_it_knows_where_nobody_named_it(
    tmp_path, bundle, monkeypatch, warnings
):
    monkeypatch.setattr(bundles, "shipped_bundle", lambda: bundle)
    monkeypatch.chdir(tmp_path)

    Recognizer.load(bundle)
    assert not warnings
    assert Recognizer.load().bundle.path == bundle
    (warning,) = warnings
    assert "which knows colours and not people" in warning


def test_the_newest_bundle_is_opened_without_a_warning(tmp_path, own_bundle, monkeypatch, warnings):
    monkeypatch.chdir(tmp_path)
    own_bundle.rename(tmp_path / "runs")

    assert open_default_bundle().path.name == "runs"
    assert not warnings


def test_without_any_bundle_the_way_to_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(bundles, "shipped_bundle", lambda: tmp_path / "none")

    with pytest.raises(BundleError, match="stzsar-export"):
        find_bundle(tmp_path)
