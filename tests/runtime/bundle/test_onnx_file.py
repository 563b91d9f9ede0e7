"""Graphs that no export writes are refused before an engine reads them."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.bundle.onnx_file import read_onnx
from stzsar.runtime.engines.ort_engine import OrtGraph
from stzsar.runtime.errors import BundleError, EngineError

DATA = Path(__file__).parents[2] / "data"
WHOLE = [
    path
    for folder in (shipped_bundle(), *sorted(DATA.glob("bundle-format-?")))
    for path in sorted(folder.glob("*.onnx"))
]


def value(name: str, kind: int = TensorProto.FLOAT, shape=(1,)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def weight(array, name="w") -> Any:
    return numpy_helper.from_array(np.asarray(array), name)


def model_of(*nodes, weights=(), output=None) -> onnx.ModelProto:
    """A graph from `x`, float32 [1], to `y`."""
    graph = helper.make_graph(nodes, "graph", [value("x")], [output or value("y")], weights)
    opsets = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def node(operator, *inputs, output="y", **attributes):
    return helper.make_node(operator, inputs, [output], **attributes)


def plain() -> onnx.ModelProto:
    return model_of(node("Add", "x", "w"), weights=[weight(np.ones(1, np.float32))])


def external(**entries: str) -> onnx.ModelProto:
    model = plain()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=text)
    return model


def only_located_elsewhere() -> onnx.ModelProto:
    model = plain()
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL
    return model


def changed(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = plain()
    change(model)
    return model


def shrunk(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [200_000, 200_000]


def body() -> onnx.GraphProto:
    return helper.make_graph([node("Identity", "x", output="z")], "body", [], [value("z")])


def loop() -> onnx.ModelProto:
    inside = [value("i", TensorProto.INT64, ()), value("go", TensorProto.BOOL, ()), value("a")]
    nodes = [node("Identity", "go", output="go2"), node("Add", "a", "a", output="a2")]
    outside = [value("go2", TensorProto.BOOL, ()), value("a2")]
    trips = [weight(np.int64(2**62), "trips"), weight(np.bool_(True), "start")]
    graph = helper.make_graph(nodes, "body", inside, outside)
    return model_of(node("Loop", "trips", "start", "x", body=graph), weights=trips)


def function() -> onnx.ModelProto:
    model = model_of(node("Mine", "x"))
    made = helper.make_function("", "Mine", ["a"], ["b"], [node("Neg", "a", output="b")], [])
    model.functions.append(made)
    return model


HOSTILE = {
    "weights in other files": lambda: external(location="../secret"),
    "weights at an address": lambda: external(location="*/_ORT_MEM_ADDR_/*", offset="1"),
    "weights that are only located elsewhere": only_located_elsewhere,
    "text as output": lambda: model_of(
        node("Cast", "x", to=TensorProto.STRING), output=value("y", TensorProto.STRING)
    ),
    "text that is not declared": lambda: model_of(
        node("Cast", "x", to=TensorProto.STRING), output=onnx.ValueInfoProto(name="y")
    ),
    "text as a weight": lambda: model_of(
        node("Identity", "w"), weights=[weight(np.asarray(["a"], object))]
    ),
    "text as an attribute": lambda: model_of(node("Constant", value_string=b"a")),
    "texts as an attribute": lambda: model_of(node("Constant", value_strings=[b"a"])),
    "a sequence as output": lambda: model_of(
        node("Identity", "x"),
        output=helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None),
    ),
    "a sequence inside": lambda: model_of(node("SequenceConstruct", "x")),
    "an optional value": lambda: model_of(node("Optional", "x")),
    "a loop": loop,
    "a branch": lambda: model_of(node("If", "x", then_branch=body(), else_branch=body())),
    "a graph inside an operator of no name": lambda: model_of(node("Add", "x", "x", g=body())),
    "graphs inside an operator": lambda: model_of(node("Add", "x", "x", gs=[body(), body()])),
    "a function": function,
    "an engine": lambda: model_of(node("EPContext", "x", domain="com.microsoft")),
    "an operator of another domain": lambda: model_of(node("FusedMatMul", "x", domain="mine")),
    "a tensor that is larger than its data": lambda: changed(shrunk),
    "sizes beyond any number": lambda: changed(
        lambda model: model.graph.initializer[0].dims.extend([2**40] * 4)
    ),
    "a negative size": lambda: changed(lambda model: model.graph.initializer[0].dims.append(-1)),
    "sparse weights": lambda: changed(
        lambda model: model.graph.sparse_initializer.append(onnx.SparseTensorProto())
    ),
    "complex numbers": lambda: model_of(
        node("Identity", "w"), weights=[weight(np.ones(1, np.complex64))]
    ),
}
PIECES = {
    "nothing": b"",
    "another file": b"\x89PNG\r\n" * 50,
    "ONNX Runtime's own format": b"\x18\0\0\0ORTM" + bytes(2000),
    "a length beyond the end": b"\x3a\xff\xff\xff\xff\x7f",
    "a number that never ends": b"\x08" + b"\xff" * 40,
    "a group": b"\x3b\x3c",
    "half a graph": plain().SerializeToString()[:-20],
    "two graphs": plain().SerializeToString() * 2,
    "many empty parts": b"\x3a" + struct.pack("<B", 0) + b"\x1a\x00" * 3_000_001,
}


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_export_writes_is_taken(path):
    assert not read_onnx(path).has_fp16


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_export_writes_is_refused_and_no_engine_sees_it(tmp_path, name):
    path = tmp_path / "frame.onnx"
    path.write_bytes(HOSTILE[name]().SerializeToString())

    for read in (read_onnx, OrtGraph):
        with pytest.raises(BundleError, match=r"frame\.onnx is refused: .*; export the bundle"):
            read(path)


@pytest.mark.parametrize("name", PIECES)
def test_what_is_no_graph_is_refused(tmp_path, name):
    path = tmp_path / "frame.onnx"
    path.write_bytes(PIECES[name])

    with pytest.raises(BundleError, match=r"frame\.onnx is refused"):
        read_onnx(path)


@pytest.mark.parametrize("zeros", [1, 2, 4])
def test_lengths_may_be_written_in_more_bytes_than_they_need(tmp_path, zeros):
    """Protobuf reads them: who looks for the usual bytes alone misses the key."""
    data = external(location="a" * 20).SerializeToString()
    usual = b"\x0a\x08location\x12\x14" + b"a" * 20
    assert usual in data
    odd = b"\x0a\x88" + b"\x80" * (zeros - 1) + b"\x00location\x12" + bytes([20 - zeros])
    path = tmp_path / "frame.onnx"
    path.write_bytes(data.replace(usual, odd + b"a" * (20 - zeros)))
    assert onnx.load(str(path), load_external_data=False).graph.initializer[0].external_data

    with pytest.raises(BundleError, match="in other files"):
        read_onnx(path)


def test_a_field_that_protobuf_would_merge_is_refused(tmp_path):
    """The first type of a tensor is a float's, and the second, which counts, is text."""
    data = plain().SerializeToString()
    tensor = plain().graph.initializer[0].SerializeToString()
    twice = tensor + b"\x10\x08"
    graph = (
        plain()
        .graph.SerializeToString()
        .replace(b"\x2a" + bytes([len(tensor)]) + tensor, b"\x2a" + bytes([len(twice)]) + twice)
    )
    path = tmp_path / "frame.onnx"
    path.write_bytes(b"\x08\x09\x3a" + bytes([len(graph)]) + graph)
    assert onnx.load_from_string(path.read_bytes()).graph.initializer[0].data_type == 8
    assert len(data) > len(graph)

    with pytest.raises(BundleError, match="stands twice"):
        read_onnx(path)


@pytest.mark.parametrize("where", ["weight", "cast", "output"])
def test_half_precision_is_noticed_wherever_it_is(tmp_path, where):
    half = {
        "weight": lambda: model_of(node("Identity", "w"), weights=[weight(np.ones(1, np.float16))]),
        "cast": lambda: model_of(node("Cast", "x", to=TensorProto.FLOAT16)),
        "output": lambda: model_of(node("Neg", "x"), output=value("y", TensorProto.FLOAT16)),
    }
    path = tmp_path / "frame.onnx"
    path.write_bytes(half[where]().SerializeToString())

    assert read_onnx(path).has_fp16


@pytest.mark.parametrize("constant", [True, False], ids=["constant", "computed"])
def test_a_tensor_that_is_computed_is_limited_too(tmp_path, constant):
    """3 GB of zeros: as a constant, which optimisers would compute while loading, or not."""
    size = np.full(2, 28_000, np.int64)
    nodes = [
        node("ConstantOfShape", "size", output="zeros"),
        node("ReduceMax", "zeros", output="most", keepdims=0),
        node("Add", "x", "most"),
    ]
    if not constant:
        nodes[:0] = [
            node("Cast", "x", output="one", to=TensorProto.INT64),
            node("Mul", "one", "w", output="size"),
        ]
    name = "size" if constant else "w"
    path = tmp_path / "frame.onnx"
    path.write_bytes(model_of(*nodes, weights=[weight(size, name)]).SerializeToString())

    with pytest.raises(EngineError, match="smaller than requested bytes"):
        OrtGraph(path, threads=1)({"x": np.ones(1, np.float32)})
