"""MobileCLIP, PE-Core and SigLIP2 from export to a stream, on small relatives of theirs."""

import collections
import shutil

import numpy as np
import onnx
import pytest
import torch

from stzsar.export.fp16 import to_fp16
from stzsar.export.parity import compare
from stzsar.models.label_texts import embed_labels, to_tensors
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.recognizer import Recognizer

# One with branches and one with pooling by attention; the others differ from these in sizes.
BACKBONES = [
    *("tiny-MobileCLIP2", "tiny-SigLIP2"),
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("tiny-MobileCLIP-B", "tiny-PE-Core")),
]


@pytest.mark.parametrize("name", BACKBONES)
def test_a_stream_of_each_backbone_has_the_logits_of_torch(exported_backbone, name):
    """Frame by frame through the bundle = the whole clip at once through torch."""
    folder, network = exported_backbone(name)
    size = network.config.vision.image_px
    video = np.random.default_rng(0).integers(0, 256, (6, size, size, 3), dtype=np.uint8)
    bundle = Bundle.open(folder)
    bank, window = to_tensors(bundle.bank), bundle.manifest.sampling.frames
    recognizer = Recognizer.load(folder)
    stream = recognizer.open_stream("memory")
    last = None
    for index, image in enumerate(video):
        last = stream.push(image, index / 4) or last
    assert last is not None
    with torch.no_grad():
        logits = network(torch.from_numpy(video[None, -window:]), bank)[0]
        similarities = (logits / network.head.logit_scale.exp()).numpy()
    expected = dict(zip(bundle.bank.names, similarities, strict=True))
    found = {score.label: score.similarity for score in last.top}
    assert found == pytest.approx({name: expected[name] for name in found}, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_device_embeds_labels_of_each_backbone_as_torch_does(exported_backbone, name):
    folder, network = exported_backbone(name)
    labels = as_labels(["Playing the guitar!", "a_bat", "swing " * 30])
    found = Recognizer.load(folder, labels=labels).scorer.bank
    expected = embed_labels(network, labels)
    np.testing.assert_allclose(found.class_embeddings, expected.class_embeddings, atol=1e-4)


def test_mobileclips_branches_are_merged_in_the_graph(exported_backbone):
    folder, network = exported_backbone("tiny-MobileCLIP2")
    graph = onnx.load(folder / "frame.onnx").graph
    counts = collections.Counter(node.op_type for node in graph.node)
    convolutions = sum(isinstance(m, torch.nn.Conv2d) for m in network.visual.modules())
    assert counts["Conv"] < convolutions
    assert counts["BatchNormalization"] == 1  # that before attention, which follows no convolution


@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_passes_parity_in_fp16(exported_backbone, name, tmp_path):
    folder, network = exported_backbone(name)
    half = tmp_path / "bundle"
    shutil.copytree(folder, half)
    for path in half.glob("*.onnx"):
        onnx.save(to_fp16(onnx.load(path)), path)
    bank = Bundle.open(folder).bank
    report = compare(half, network, bank, precision="fp16", window_frames=4)
    report.check()
    assert max(found.relative for found in report.differences.values()) > 1e-5  # it is fp16
