"""Exported graphs against the network, for every switch and any batch, label count and window."""

import collections

import numpy as np
import onnx
import pytest
import torch

from stzsar.models.config import bike_temporal
from stzsar.models.label_texts import embed_labels, to_tensors
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.recognizer import Recognizer

SWITCHES = [
    {"interaction": "product", "temporal": True},
    {"interaction": "product", "temporal": False},
    {"interaction": "residual", "temporal": False, "projections": True},
    {"interaction": "off", "temporal": False},
    {"interaction": "mean", "temporal": False, "patch_path": "value"},
    {"interaction": "mean", "pooling": "raw"},
    {
        "interaction": "mean",
        "pooling": "raw",
        "temporal": bike_temporal(128, layers=1, gate_classes=7),
        "prompts": ("a photo of {}.", "a video of a person {}."),
    },
    {"interaction": "off", "temporal": False, "frame_weights": "guided"},
    {"interaction": "product", "temporal": True, "frame_weights": "both"},
]
# Operators of onnx-tensorrt 10.1's list that these graphs may hold.
OPERATORS = {
    "Add", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "Div", "Equal", "Exp",
    "Expand", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "Identity",
    "LayerNormalization", "MatMul", "Max", "Min", "Mul", "Range", "ReduceL2", "ReduceMax",
    "ReduceMean", "ReduceSum", "Reshape", "Shape", "Sigmoid", "Slice", "Softmax", "Split", "Sqrt",
    "Squeeze", "Sub", "TopK", "Transpose", "Trilu", "Unsqueeze", "Where", "ArgMax", "Not",
    "QuantizeLinear", "DequantizeLinear",
    "BatchNormalization", "Neg", "Relu",
}  # fmt: skip


def draw_video(frames, size=32):
    rng = np.random.default_rng(frames)
    return rng.integers(0, 256, (frames, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_every_window_of_a_stream_has_the_logits_of_torch(exported, switches):
    """Frame by frame through the bundle = the whole clip at once through torch."""
    folder, network = exported(**switches)
    recognizer = Recognizer.load(folder)
    bank = to_tensors(Bundle.open(folder).bank)
    video, window = draw_video(9), 4
    states = [recognizer.scorer.encode(frame[None]) for frame in video]
    for start in range(len(video) - window + 1):
        part = states[start : start + window]
        ring = {name: np.stack([s[name] for s in part], 1) for name in part[0]}
        logits, saliency = recognizer.scorer.score(ring)[:2]
        with torch.no_grad():
            expected = network(torch.from_numpy(video[None, start : start + window]), bank).numpy()
        assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(saliency.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("switches", SWITCHES[:2], ids=str)
def test_batch_and_stream_agree_in_the_bundle_itself(exported, switches):
    recognizer = Recognizer.load(exported(**switches)[0])
    video = draw_video(7)
    at_once = recognizer.scorer.encode(video)
    one_by_one = [recognizer.scorer.encode(frame[None]) for frame in video]
    for start in range(4):
        whole = {name: value[None, start : start + 4] for name, value in at_once.items()}
        part = one_by_one[start : start + 4]
        ring = {name: np.stack([s[name] for s in part], 1) for name in part[0]}
        scale = np.abs(recognizer.scorer.score(whole)[0]).max()
        difference = np.abs(
            recognizer.scorer.score(whole)[0] - recognizer.scorer.score(ring)[0]
        ).max()
        assert difference <= 1e-5 * max(1, scale)


@pytest.mark.parametrize("count", [1, 2, 50])
@pytest.mark.parametrize("frames", [1, 3, 8])
def test_labels_and_window_length_are_free(exported, count, frames):
    folder, network = exported(interaction="product", temporal=True)
    labels = as_labels(f"action number {i}" for i in range(count))
    bank = embed_labels(network, labels)
    recognizer = Recognizer.load(folder, labels=labels)
    video = draw_video(frames)
    states = {name: value[None] for name, value in recognizer.scorer.encode(video).items()}
    with torch.no_grad():
        expected = network(torch.from_numpy(video[None]), to_tensors(bank)).numpy()
    found = recognizer.scorer.score(states)[0]
    assert found.shape == (1, count)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


ENSEMBLE = ("{}", "a photo of {}.", "a video of a person {}.")


@pytest.mark.parametrize("prompts", [None, ENSEMBLE], ids=["one", "ensemble"])
def test_the_device_embeds_labels_as_torch_does(exported, prompts):
    folder, network = exported(interaction="product", temporal=True, prompts=prompts)
    labels = as_labels(["émigré waving 👋", "a" * 190, "kick"])
    found = Recognizer.load(folder, labels=labels, shipped_attributes=False).scorer.bank
    expected = embed_labels(network, labels)
    np.testing.assert_allclose(found.class_embeddings, expected.class_embeddings, atol=1e-4)
    np.testing.assert_allclose(found.attribute_embeddings, expected.attribute_embeddings, atol=1e-4)


@pytest.mark.parametrize(
    "switches",
    [
        *(
            {"interaction": "product", "temporal": True, "precision": precision}
            for precision in ("fp32", "fp16", "int8")
        ),
        SWITCHES[-1],
    ],
    ids=str,
)
def test_graphs_hold_what_tensorrt_10_parses_and_no_trace_of_their_maker(exported, switches):
    folder, _ = exported(**switches)
    for path in folder.glob("*.onnx"):
        model = onnx.load(path)
        assert {opset.domain for opset in model.opset_import} <= {""}
        assert {node.op_type for node in model.graph.node} <= OPERATORS
        for word in (b"site-packages", b".py", b"/home", b"/tmp"):
            assert word not in path.read_bytes()


def test_no_graph_has_an_argmax_that_old_onnx_runtimes_lack(exported):
    """ONNX Runtime before 1.20, which some Jetson wheels are, has no ArgMax of int64 on CPUs."""
    for folder in (exported(interaction="product", temporal=True)[0], shipped_bundle()):
        model = onnx.shape_inference.infer_shapes(onnx.load(folder / "text.onnx"))
        infos = (*model.graph.value_info, *model.graph.input)
        types = {info.name: info.type.tensor_type.elem_type for info in infos}
        taken = [types[n.input[0]] for n in model.graph.node if n.op_type == "ArgMax"]
        assert taken == [onnx.TensorProto.INT32]


def test_pixels_meet_nothing_but_a_cast(exported):
    """TensorRT takes uint8 as an input and in a Cast; it refuses to flip it."""
    graph = onnx.load(exported(interaction="product", temporal=True)[0] / "frame.onnx").graph
    takers = {node.op_type for node in graph.node if "frames" in node.input}
    assert takers == {"Cast"}


@pytest.mark.parametrize(
    "name", ["tiny-MobileCLIP2", "tiny-MobileCLIP-B", "tiny-PE-Core", "tiny-SigLIP2"]
)
def test_graphs_of_other_backbones_hold_what_tensorrt_10_parses(exported_backbone, name):
    folder, _ = exported_backbone(name)
    for path in folder.glob("*.onnx"):
        model = onnx.load(path)
        assert {opset.domain for opset in model.opset_import} <= {""}
        assert {node.op_type for node in model.graph.node} <= OPERATORS


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_norms_and_attention_stay_recognisable(exported, precision):
    folder, network = exported(interaction="product", temporal=True, precision=precision)
    counts = collections.Counter(
        node.op_type for node in onnx.load(folder / "frame.onnx").graph.node
    )
    layers = network.config.vision.layers
    assert counts["LayerNormalization"] == 2 * layers + 3  # ln_pre, ln_post on CLS and on patches
    assert counts["Softmax"] == layers
    assert counts["Gelu"] == layers
