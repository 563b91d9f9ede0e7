"""A file of weights becomes a bundle without torch, or is refused in one sentence."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import TEXT_GRAPH, Bundle
from stzsar.runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from stzsar.runtime.errors import BundleError, StzsarError
from stzsar.runtime.fetch import skeletons
from stzsar.runtime.fetch.expressions import evaluate, tensors_in
from stzsar.runtime.fetch.fill import FillRequest, fill_bundle
from stzsar.runtime.fetch.onnx_writer import empty_tensors, write_filled
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recognizer import Recognizer

BACKBONE = "MobileCLIP2-S0"
LABELS = (Label("archery", attributes=("bow",)), Label("juggling balls"))


def write_weights(path, shapes, *, random=True):
    """Write a safetensors file of random numbers, or one of zeros that takes no room."""
    header, place = {}, 0
    for name, shape in shapes.items():
        length = 4 * int(np.prod(shape))
        header[name] = {
            "dtype": "F32", "shape": list(shape), "data_offsets": [place, place + length]
        }  # fmt: skip
        place += length
    text = json.dumps(header).encode()
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items() if random else ():
            values = rng.standard_normal(shape, np.float32) * np.float32(0.05)
            if name.endswith(("running_var", "norm.weight", "bn.weight")):
                values = np.abs(values) + 1
            file.write(values.tobytes())
        file.truncate(8 + len(text) + place)
    return path


@pytest.fixture(scope="module")
def shapes():
    return skeletons.read_skeleton(BACKBONE, "fp32").tensors


@pytest.fixture(scope="module")
def weights(shapes, tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("weights") / "s0.safetensors", shapes)


def request(weights, **changes):
    whole = {
        "backbone": BACKBONE,
        "precision": "fp32",
        "weights": weights,
        "labels": LABELS,
        "origin": WeightsOrigin(source="a test", knows="nothing"),
    }
    return FillRequest(**{**whole, **changes})


@pytest.fixture(scope="module")
def filled(weights, tmp_path_factory):
    said, embedded = [], []
    target = tmp_path_factory.mktemp("filled") / "bundle"
    path = fill_bundle(
        request(weights, sampling=SamplingSpec(frames=4, rate_fps=2)),
        target,
        tell=said.append,
        on_progress=lambda done, of: embedded.append((done, of)),
    )
    assert path == target
    return Bundle.open(path), said, embedded


def test_a_filled_bundle_recognises(filled):
    bundle, _, _ = filled
    recognizer = Recognizer.load(bundle, labels=["archery", "swimming"])
    stream = recognizer.open_stream("memory")
    frames = np.random.default_rng(0).integers(0, 256, (4, 48, 64, 3), dtype=np.uint8)
    found = [stream.push(frame, index / 2) for index, frame in enumerate(frames)][-1]
    assert found is not None
    assert {score.label for score in found.top} == {"archery", "swimming"}


def test_the_bank_holds_unit_embeddings_of_the_labels(filled):
    bank = filled[0].bank
    assert bank.labels == LABELS
    np.testing.assert_allclose(np.linalg.norm(bank.class_embeddings, axis=1), 1, rtol=1e-5)
    assert abs(float(bank.class_embeddings[0] @ bank.class_embeddings[1])) < 0.9999


def test_the_manifest_says_what_filled_the_graphs(filled):
    manifest = filled[0].manifest
    assert manifest.weights.source == "a test"
    assert manifest.sampling.frames == 4
    assert manifest.sampling.rate_fps == 2
    assert manifest.versions["stzsar-fetch"]
    assert manifest.versions["torch"]
    assert set(manifest.files) == {
        "bank.npz", "frame.onnx", "state.onnx", "text.onnx", "tokenizer.json", "window.onnx"
    }  # fmt: skip


def test_each_step_is_told(filled):
    _, said, embedded = filled
    assert said == [
        "filling frame.onnx", "filling state.onnx", "filling window.onnx", "embedding 2 labels"
    ]  # fmt: skip
    assert embedded == [(0, 3), (3, 3)]


def test_an_existing_bundle_is_replaced_and_its_engines_stay(filled, weights, tmp_path):
    target = shutil.copytree(filled[0].path, tmp_path / "bundle")
    (target / "engines").mkdir()
    (target / "engines" / "frame.engine").write_bytes(b"engine")
    fill_bundle(request(weights, labels=LABELS[:1]), target)
    assert Bundle.open(target).bank.labels == LABELS[:1]
    assert (target / "engines" / "frame.engine").exists()


def test_a_folder_with_something_else_is_left_alone(weights, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StzsarError, match=r"exists and is not a bundle\. Choose another --output"):
        fill_bundle(request(weights), tmp_path)


def test_half_precision_has_the_bank_of_the_whole_one(filled, weights, tmp_path):
    half = Bundle.open(fill_bundle(request(weights, precision="fp16"), tmp_path / "half"))
    assert half.manifest.precision == "fp16"
    np.testing.assert_array_equal(half.bank.class_embeddings, filled[0].bank.class_embeddings)
    sizes = [(bundle.path / TEXT_GRAPH).stat().st_size for bundle in (half, filled[0])]
    assert sizes[0] / sizes[1] == pytest.approx(0.5, rel=0.01)


def test_no_package_that_a_device_lacks_is_imported(weights, tmp_path):
    program = (
        "import sys; from pathlib import Path\n"
        "from stzsar.runtime.bundle.manifest import WeightsOrigin\n"
        "from stzsar.runtime.fetch.fill import FillRequest, fill_bundle\n"
        "from stzsar.runtime.labels.labels import Label\n"
        "fill_bundle(FillRequest(backbone=sys.argv[1], precision='fp32', weights=Path(sys.argv[2]),"
        " labels=(Label('archery'),), origin=WeightsOrigin(source='a', knows='b')),"
        " Path(sys.argv[3]))\n"
        "heavy = {'torch', 'onnx', 'safetensors', 'open_clip', 'timm', 'tokenizers'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    command = [sys.executable, "-Ic", program, BACKBONE, str(weights), str(tmp_path / "bundle")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logit_scale": None}, "it lacks 'logit_scale'"),
        ({"logit_scale": None, "text.ln_final.bias": None}, "it lacks '.*' and 1 more"),
        ({"visual.head.bias": (3,)}, "it also holds 'visual.head.bias'"),
        ({"text.ln_final.bias": (3,)}, r"its text\.ln_final\.bias is \[3\], expected \[512\]"),
    ],
)
def test_weights_that_do_not_fit_are_one_sentence(shapes, change, message, tmp_path):
    other = {name: shape for name, shape in {**shapes, **change}.items() if shape is not None}
    weights = write_weights(tmp_path / "other.safetensors", other, random=False)
    with pytest.raises(
        BundleError, match=f"does not hold weights of {BACKBONE}: {message}. Name a file with"
    ):
        fill_bundle(request(weights), tmp_path / "bundle")
    assert [path.name for path in tmp_path.iterdir()] == ["other.safetensors"]


def test_what_open_clip_ignores_is_ignored(shapes, tmp_path):
    known = skeletons.read_skeleton(BACKBONE, "fp32").ignored
    assert any(name.endswith("num_batches_tracked") for name in known)
    others = dict.fromkeys([*known, "attn_mask", "text.attn_mask"], (1,))
    one_number = {**shapes, "logit_scale": (1,)}
    weights = write_weights(tmp_path / "w.safetensors", {**one_number, **others}, random=False)
    assert fill_bundle(request(weights), tmp_path / "bundle").is_dir()


def test_a_backbone_that_does_not_ship_is_one_sentence(weights, tmp_path):
    with pytest.raises(
        StzsarError, match=r"No graphs ship for the backbone 'ViT-L-14': use one of"
    ):
        fill_bundle(request(weights, backbone="ViT-L-14"), tmp_path / "bundle")
    with pytest.raises(StzsarError, match=r"ship in fp32 and fp16, not in 'int8'"):
        fill_bundle(request(weights, precision="int8"), tmp_path / "bundle")


def test_a_window_longer_than_the_graphs_take_is_one_sentence(weights, tmp_path):
    longer = SamplingSpec(frames=300, rate_fps=4)
    with pytest.raises(StzsarError, match="300 frames is longer than the 256 that the graphs"):
        fill_bundle(request(weights, sampling=longer), tmp_path / "bundle")


@pytest.mark.parametrize("content", [b"", b"PK no zip", None])
def test_damaged_graphs_are_one_sentence(content, tmp_path, monkeypatch):
    whole = (skeletons.FOLDER / f"{BACKBONE}.zip").read_bytes()
    (tmp_path / f"{BACKBONE}.zip").write_bytes(whole[:-100] if content is None else content)
    monkeypatch.setattr(skeletons, "FOLDER", tmp_path)
    with pytest.raises(
        BundleError, match=r"MobileCLIP2-S0\.zip is damaged .* install stzsar again"
    ):
        skeletons.read_skeleton(BACKBONE, "fp32")
    with pytest.raises(BundleError, match=r"tokenizer\.json\.gz is damaged"):
        skeletons.read_tokenizer()


@pytest.mark.parametrize("backbone", skeletons.shipped_backbones())
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_empty_tensor_is_made_of_the_state_dict(backbone, precision):
    skeleton = skeletons.read_skeleton(backbone, precision)
    used = set()
    for name, graph in skeleton.graphs.items():
        assert empty_tensors(graph).keys() == skeleton.ways[name].keys()
        used |= {t for way in skeleton.ways[name].values() for t in tensors_in(way)}
    assert used == skeleton.tensors.keys()
    assert not used & skeleton.ignored


def test_values_of_another_size_are_not_written(tmp_path):
    graph = skeletons.read_skeleton(BACKBONE, "fp32").graphs["window.onnx"]
    with pytest.raises(ValueError, match="scale has 8 bytes, expected 4"):
        write_filled(graph, tmp_path / "window.onnx", lambda _: np.zeros(2, np.float32))


def test_expressions_compute_in_float32():
    values = {"a": np.asarray([4, 9], np.float32), "w": np.ones((2, 1, 1, 1), np.float32)}
    root = evaluate(["reshape", ["sqrt", ["add", "a", 0.0]], [-1, 1, 1, 1]], values.__getitem__)
    merged = evaluate(
        ["add", ["unit kernel", [2, 1, 3, 3]], ["pad", ["mul", "w", "root"], 1]],
        {**values, "root": root}.__getitem__,
    )
    assert merged.dtype == np.float32
    expected = np.zeros((2, 1, 3, 3))
    expected[:, 0, 1, 1] = [3, 4]
    np.testing.assert_array_equal(merged, expected)
