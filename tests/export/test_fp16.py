"""The fp16 pass: strongly typed, fp32 where it matters, and close to fp32 on real clips."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from stzsar.export.fp16 import FP32_OPERATORS, to_fp16
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.engines.opening import open_graph
from stzsar.runtime.errors import StzsarError
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes

GRAPHS = ("frame.onnx", "window.onnx", "text.onnx")
BANK = {"class_embeddings", "attribute_embeddings", "attribute_mask"}


@pytest.fixture(scope="module")
def pairs(exported):
    """The same network's graphs in both precisions."""
    switches = {"interaction": "product", "temporal": True}
    folders = {p: exported(**switches, precision=p)[0] for p in ("fp32", "fp16")}
    return {name: tuple(onnx.load(folders[p] / name) for p in ("fp32", "fp16")) for name in GRAPHS}


def types_of(model):
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    infos = [*inferred.value_info, *inferred.input, *inferred.output]
    types = {info.name: info.type.tensor_type.elem_type for info in infos}
    return types | {tensor.name: tensor.data_type for tensor in inferred.initializer}


@pytest.mark.parametrize("name", GRAPHS)
def test_no_node_mixes_fp16_with_fp32(pairs, name):
    model = pairs[name][1]
    types = types_of(model)
    for node in model.graph.node:
        if node.op_type == "Cast":
            continue
        kinds = {types[value] for value in [*node.input, *node.output] if value}
        assert not {TensorProto.FLOAT, TensorProto.FLOAT16} <= kinds, node.name


@pytest.mark.parametrize("name", GRAPHS)
def test_inputs_and_outputs_keep_their_types(pairs, name):
    plain, half = (model.graph for model in pairs[name])
    assert list(plain.input) == list(half.input)
    assert list(plain.output) == list(half.output)


@pytest.mark.parametrize("name", GRAPHS)
def test_weights_of_matrix_products_are_fp16(pairs, name):
    model = pairs[name][1]
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type in ("MatMul", "Gemm", "Conv")]
    weights = [kinds[i] for node in products for i in node.input if i in kinds]
    assert weights
    assert set(weights) == {TensorProto.FLOAT16}


@pytest.mark.parametrize("name", GRAPHS)
def test_norms_softmax_and_what_depends_on_the_bank_are_fp32(pairs, name):
    model = pairs[name][1]
    types, banked = types_of(model), set(BANK)
    for node in model.graph.node:
        after_bank = bool(banked & set(node.input))
        if after_bank:
            banked.update(node.output)
        if after_bank or node.op_type in FP32_OPERATORS:
            assert TensorProto.FLOAT16 not in {types[value] for value in node.output if value}


def one_weight(value):
    """A graph of one matrix product, with a scalar constant after it."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"]),
        helper.make_node("Mul", ["y", "k"], ["z"]),
    ]
    tensors = [
        numpy_helper.from_array(np.ones((2, 2), np.float32), "w"),
        numpy_helper.from_array(np.float32(value).reshape(()), "k"),
    ]
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2]) for n in "xz"]
    graph = helper.make_graph(nodes, "g", infos[:1], infos[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


@pytest.mark.parametrize("value", [1e-12, 1e6])
def test_a_constant_that_fp16_cannot_hold_is_refused(value):
    with pytest.raises(StzsarError, match="constant k does not fit into fp16"):
        to_fp16(one_weight(value))


def test_a_constant_that_fp16_holds_is_taken():
    kinds = {t.name: t.data_type for t in to_fp16(one_weight(0.5)).graph.initializer}
    assert kinds == {"w_fp16": TensorProto.FLOAT16, "k_fp16": TensorProto.FLOAT16}


def test_a_trained_network_says_the_same_of_200_clips_in_fp16(tmp_path):
    """The shipped bundle's own graphs, as they are and in fp16, on unseen classes."""
    bundle = Bundle.open(shipped_bundle())
    bank = bundle.bank.arrays()
    graphs = {}
    for name in ("frame", "window"):
        onnx.save(to_fp16(onnx.load(bundle.path / f"{name}.onnx")), tmp_path / f"{name}.onnx")
        graphs[name] = [open_graph(f / f"{name}.onnx") for f in (bundle.path, tmp_path)]
    dataset = MovingShapes("unseen-test", "plain")
    same, cosines = [], []
    for index in range(200):
        frames = dataset[ClipRequest(index, 0)].frames.numpy()
        logits = []
        for frame, window in zip(graphs["frame"], graphs["window"], strict=True):
            states = frame({"frames": frames} | bank)
            over_time = {key: value[None] for key, value in states.items()}
            logits.append(window(over_time | bank)["logits"][0])
        plain, half = logits
        same.append(plain.argmax() == half.argmax())
        cosines.append(plain @ half / np.linalg.norm(plain) / np.linalg.norm(half))
    assert min(cosines) >= 0.999
    assert all(same)
