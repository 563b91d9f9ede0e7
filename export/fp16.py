"""Mixed precision as a strongly typed graph: fp16 towers, fp32 where fp16 loses too much.

TensorRT 11 takes the precision from the graph's types. These stay fp32: pixels before the first
weight; LayerNormalization, Softmax and normalisation to unit length, whose epsilon of 1e-12 would
be 0 in fp16; and everything that depends on the bank, because the saliency divides similarities by
a temperature of 0.01. Inputs and outputs keep their types.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..runtime.errors import StzsarError
from .graphs import BANK_INPUTS

FP32_OPERATORS = {"LayerNormalization", "Softmax", "ReduceL2"}
_WEIGHTED = {"MatMul", "Gemm", "Conv", "Gather"}
_FLOAT, _HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of an fp32 `model` with its towers in fp16.

    Raises:
        StzsarError: a weight overflows in fp16, or a scalar would become zero.
    """
    converted = onnx.shape_inference.infer_shapes(model, data_prop=True)
    _Converter(converted).run()
    del converted.graph.value_info[:]  # its types are outdated
    onnx.checker.check_model(converted, full_check=True)
    return converted


class _Converter:
    """One pass over the sorted nodes, which adds a Cast wherever types differ."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.graph = model.graph
        self.weights = {tensor.name: tensor for tensor in self.graph.initializer}
        self.types = _value_types(self.graph)
        self.half_nodes = _half_nodes(self.graph, set(self.weights))
        self.nodes: list[onnx.NodeProto] = []
        self.casts: dict[tuple[str, int], str] = {}
        self.half_weights: dict[str, onnx.TensorProto] = {}

    def run(self) -> None:
        for index, node in enumerate(self.graph.node):
            half = index in self.half_nodes
            node.input[:] = [self._as(name, _HALF if half else _FLOAT) for name in node.input]
            for name in node.output:
                if half and self.types.get(name) == _FLOAT:
                    self.types[name] = _HALF
            self.nodes.append(node)
        self._restore_outputs()
        used = {name for node in self.nodes for name in node.input}
        weights = [t for t in self.graph.initializer if t.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(self.nodes)
        self.graph.initializer.extend([*weights, *self.half_weights.values()])

    def _as(self, name: str, wanted: int) -> str:
        """Return the name of the value `name` in the type `wanted`; converts floats only."""
        current = self.types.get(name)
        if current not in (_FLOAT, _HALF) or current == wanted:
            return name
        if name in self.weights:
            return self._half_weight(name)
        if (name, wanted) not in self.casts:
            cast = f"{name}_to_{'fp16' if wanted == _HALF else 'fp32'}"
            self.nodes.append(helper.make_node("Cast", [name], [cast], name=cast, to=wanted))
            self.casts[name, wanted] = cast
            self.types[cast] = wanted
        return self.casts[name, wanted]

    def _half_weight(self, name: str) -> str:
        half = f"{name}_fp16"
        if half not in self.half_weights:
            values = numpy_helper.to_array(self.weights[name])
            with np.errstate(over="ignore"):
                small = values.astype(np.float16)
            lost = values.size == 1 and np.any((small == 0) & (values != 0))
            if lost or not np.array_equal(np.isfinite(small), np.isfinite(values)):
                raise StzsarError(
                    f"The constant {name} does not fit into fp16 (its largest value is "
                    f"{np.abs(values).max():g}). Export without --fp16."
                )
            self.half_weights[half] = numpy_helper.from_array(small, half)
        return half

    def _restore_outputs(self) -> None:
        """Cast the graph's outputs back to their own types, under their own names."""
        for output in self.graph.output:
            if self.types.get(output.name) != _HALF:
                continue
            inner = f"{output.name}_fp16"
            for node in self.nodes:
                node.input[:] = [inner if n == output.name else n for n in node.input]
                node.output[:] = [inner if n == output.name else n for n in node.output]
            self.nodes.append(helper.make_node("Cast", [inner], [output.name], to=_FLOAT))


def _value_types(graph: onnx.GraphProto) -> dict[str, int]:
    infos = [*graph.value_info, *graph.input, *graph.output]
    types = {info.name: info.type.tensor_type.elem_type for info in infos}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def _half_nodes(graph: onnx.GraphProto, weights: set[str]) -> set[int]:
    """Return the indices of the nodes that compute in fp16: after a weight, before the bank."""
    after_weight: set[str] = set()
    needs_fp32: set[str] = set(BANK_INPUTS)
    half = set()
    for index, node in enumerate(graph.node):
        if _any(node.input, needs_fp32) or node.op_type == "ReduceL2":
            needs_fp32.update(node.output)
            continue
        weighted = node.op_type in _WEIGHTED and _any(node.input, weights)
        if not weighted and not _any(node.input, after_weight):
            continue
        after_weight.update(node.output)
        if node.op_type not in FP32_OPERATORS | {"Cast"}:
            half.add(index)
    return half


def _any(names: Iterable[str], among: set[str]) -> bool:
    return any(name in among for name in names)
