"""Graphs without weights, filled without torch, are what stzsar-export writes of the weights."""

import importlib.metadata
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from stzsar.export import skeletons
from stzsar.export.folding import folded_for_inference
from stzsar.export.graphs import frame_spec
from stzsar.export.inspect_bundle import InspectOptions, inspect
from stzsar.export.recorded import Recorded
from stzsar.export.skeletons import (
    BACKBONES,
    PRECISIONS,
    export_request,
    exported_graphs,
    network_of,
    random_weights,
    write_skeleton,
    write_tokenizer,
)
from stzsar.export.to_onnx import trace
from stzsar.export.write_bundle import write_bundle
from stzsar.models.tokenizer import CLIP_CONTEXT, CLIP_VOCABULARY, build_tokenizer
from stzsar.models.transformer import write_out_attention
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.bundle.manifest import WeightsOrigin
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.fetch import skeletons as shipped
from stzsar.runtime.fetch.fill import FillRequest, fill_bundle
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recognizer import Recognizer

LABELS = (Label("archery", attributes=("bow", "arrow")), Label("playing the guitar"))
TINY = ("tiny-ViT", "tiny-MobileCLIP2")


@pytest.fixture(scope="module")
def tiny(backbones, tmp_path_factory):
    """Graphs of small relatives that read CLIP's tokens, in a folder like the one that ships."""
    folder = tmp_path_factory.mktemp("tiny")
    configs = {
        f"{name}-77": {
            **backbones.CONFIGS[name],
            "text_cfg": {
                **backbones.CONFIGS[name]["text_cfg"],
                "vocab_size": CLIP_VOCABULARY,
                "context_length": CLIP_CONTEXT,
            },
        }
        for name in TINY
    }
    (folder / "configs").mkdir()
    backbones.register(folder / "configs", configs)
    write_tokenizer(folder / "graphs")
    for name in configs:
        write_skeleton(name, folder / "graphs")
    return folder / "graphs"


def fill(backbone, precision, weights, target):
    origin = WeightsOrigin(source="a test", knows="nothing")
    request = FillRequest(
        backbone=backbone, precision=precision, weights=weights, labels=LABELS, origin=origin
    )
    return fill_bundle(request, target)


def without_weights(model, ways):
    """Return the bytes of a graph whose `ways` have no data, and the numbers of these."""
    numbers = {}
    for tensor in model.graph.initializer:
        if tensor.name in ways:
            numbers[tensor.name] = numpy_helper.to_array(tensor)
            tensor.ClearField("raw_data")
    return model.SerializeToString(), numbers


def assert_same_graphs(filled: Path, exported: Path, backbone: str, precision: str):
    """Nodes and constants are the same bytes, and the weights the same numbers."""
    ways = shipped.read_skeleton(backbone, precision).ways
    assert {path.name for path in exported.glob("*.onnx")} == set(ways)
    for name, made in ways.items():
        if "MobileCLIP" not in backbone and name != "window.onnx":
            assert (filled / name).read_bytes() == (exported / name).read_bytes(), name
            continue
        ours, theirs = (without_weights(onnx.load(f / name), made) for f in (filled, exported))
        assert ours[0] == theirs[0], name
        for tensor, expected in theirs[1].items():
            if np.array_equal(ours[1][tensor], expected):
                continue
            # Branches are merged with a square root, which torch rounds in its own way.
            most = np.abs(expected).max() * (1e-6 if expected.dtype == np.float32 else 2e-3)
            np.testing.assert_allclose(ours[1][tensor], expected, rtol=0, atol=most)


@pytest.mark.parametrize("precision", ["fp32", pytest.param("fp16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", TINY)
def test_a_filled_bundle_is_the_exported_one(tiny, name, precision, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tiny)
    backbone = f"{name}-77"
    network, origin = network_of(backbone, random_weights(backbone, seed=1), tmp_path)
    request = export_request(network, origin, precision, labels=LABELS)
    write_bundle(request, tmp_path / "exported")
    fill(backbone, precision, tmp_path / f"{backbone}.safetensors", tmp_path / "filled")
    assert_same_graphs(tmp_path / "filled", tmp_path / "exported", backbone, precision)
    ours, theirs = (Bundle.open(tmp_path / which) for which in ("filled", "exported"))
    for array, expected in zip(
        ours.bank.arrays().values(), theirs.bank.arrays().values(), strict=True
    ):
        np.testing.assert_allclose(array, expected, atol=1e-6)
    assert ours.bank.labels == theirs.bank.labels
    tokenizers = [(bundle.path / "tokenizer.json").read_bytes() for bundle in (ours, theirs)]
    assert tokenizers[0] == tokenizers[1]
    scales = [bundle.manifest.model["head"]["initial_scale"] for bundle in (ours, theirs)]
    assert scales[0] == pytest.approx(scales[1], rel=1e-6)
    assert described(ours) == described(theirs)
    parity = inspect(InspectOptions(bundle=ours.path)).facts["parity"]
    assert parity == (
        f"filled from graphs that stzsar-export {ours.manifest.versions['stzsar']} (torch "
        f"{ours.manifest.versions['torch']}) wrote; not compared with torch on this machine"
    )


def described(bundle):
    """Return what a manifest says of the network and its graphs."""
    document = json.loads(bundle.manifest.to_json())
    for one in ("name", "created", "versions", "weights", "files"):
        del document[one]
    del document["model"]["head"]["initial_scale"]
    return document


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_weights_are_filled_as_open_clip_loads_them(tiny, kind, tmp_path, monkeypatch):
    """open_clip copies them into a network of float32."""
    monkeypatch.setattr(shipped, "FOLDER", tiny)
    backbone = "tiny-MobileCLIP2-77"
    half = {key: value.to(kind) for key, value in random_weights(backbone, 2).items()}
    filled = []
    for name, weights in (("half", half), ("whole", {k: v.float() for k, v in half.items()})):
        save_file(weights, tmp_path / f"{name}.safetensors")
        fill(backbone, "fp32", tmp_path / f"{name}.safetensors", tmp_path / name)
        filled.append((tmp_path / name / "frame.onnx").read_bytes())
    assert filled[0] == filled[1]


def test_a_weight_beyond_fp16_is_one_sentence(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "FOLDER", tiny)
    weights = random_weights("tiny-ViT-77", 0)
    weights["visual.proj"][0, 0] = 1e5
    save_file(weights, tmp_path / "large.safetensors")
    with pytest.raises(StzsarError, match=r"does not fit into fp16 .*100000.*: use fp32"):
        fill("tiny-ViT-77", "fp16", tmp_path / "large.safetensors", tmp_path / "filled")
    assert not (tmp_path / "filled").exists()


def test_a_tensor_of_unknown_origin_is_no_constant(tiny, monkeypatch, tmp_path):
    """The writer must not take the random weights that it exported for constants."""
    monkeypatch.setattr(skeletons, "_with_batch_norm", lambda *_: [])
    with pytest.raises(ValueError, match=r"mlp\.conv\.conv\.weight .* may be \[\]"):
        write_skeleton("tiny-MobileCLIP2-77", tmp_path)


def test_an_operation_without_a_counterpart_is_refused():
    weight = torch.rand(3)
    refused = pytest.raises(ValueError, match=r"aten\.cos\.default has no counterpart")
    with refused, Recorded({"weight": weight}):
        weight.cos()


def test_the_shipped_tokenizer_is_clips():
    text = build_tokenizer(CLIP_VOCABULARY, CLIP_CONTEXT).to_str(pretty=True)
    assert shipped.read_tokenizer() == text


def test_all_backbones_ship():
    assert shipped.shipped_backbones() == BACKBONES


def needs_the_versions_of(manifest):
    """Skip where the exporter is not the one that wrote the graphs."""
    for package in ("torch", "onnx", "onnxscript", "timm"):
        wrote = manifest.versions[package]
        if wrote != importlib.metadata.version(package):
            pytest.skip(f"the graphs were written with {package} {wrote}: run make skeletons")


@torch.no_grad()
def test_the_graph_of_a_frame_that_ships_is_the_exporters(tmp_path):
    """One of six backbones; `make test-slow` holds all of them to the exporter."""
    backbone = "MobileCLIP2-S0"
    skeleton = shipped.read_skeleton(backbone, "fp32")
    needs_the_versions_of(skeleton.manifest)
    network, _ = network_of(backbone, random_weights(backbone, seed=3), tmp_path)
    folded = folded_for_inference(network.eval())
    write_out_attention(folded)
    found, numbers = without_weights(trace(frame_spec(folded)), skeleton.ways["frame.onnx"])
    assert found == skeleton.graphs["frame.onnx"]
    assert numbers.keys() == skeleton.ways["frame.onnx"].keys()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_each_shipped_backbone_fills_to_what_is_exported(backbone, tmp_path):
    needs_the_versions_of(shipped.read_skeleton(backbone, "fp32").manifest)
    network, origin = network_of(backbone, random_weights(backbone, seed=4), tmp_path)
    for precision, name, model in exported_graphs(network, origin):
        (tmp_path / precision).mkdir(exist_ok=True)
        onnx.save(model, tmp_path / precision / name)
    for precision in PRECISIONS:
        filled = tmp_path / f"filled-{precision}"
        fill(backbone, precision, tmp_path / f"{backbone}.safetensors", filled)
        assert_same_graphs(filled, tmp_path / precision, backbone, precision)
        assert Recognizer.load(filled).scorer.bank.names == tuple(label.name for label in LABELS)
