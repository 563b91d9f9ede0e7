"""Tracing: a GraphSpec to one self-contained ONNX model."""

from typing import Any

import onnx
import torch
from onnx import TensorProto

from ..models.quiet import quiet
from ..runtime.errors import StzsarError
from .graphs import BANK_INPUTS, GraphSpec, StateGraph, WindowGraph

OPSET = 20  # the newest that TensorRT 10.3 on JetPack 6 parses; Gelu is one node from here on


def trace(spec: GraphSpec) -> onnx.ModelProto:
    """Trace `spec` with the dynamo exporter.

    Raises:
        StzsarError: the exporter refuses the module.
    """
    args, shapes = _arguments(spec)
    try:
        with quiet(), torch.no_grad():
            program = torch.onnx.export(
                spec.module.eval(),
                args,
                dynamo=True,
                opset_version=OPSET,
                input_names=list(spec.inputs),
                output_names=list(spec.outputs),
                dynamic_shapes=shapes,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # the exporter raises of many kinds
        raise StzsarError(
            f"torch {torch.__version__} cannot trace {type(spec.module).__name__}: "
            f"{(str(error).strip().splitlines() or [type(error).__name__])[0]}"
        ) from error
    assert program is not None
    model = program.model_proto
    strip_notes(model)
    _cast_pixels_first(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _arguments(spec: GraphSpec) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return positional arguments and their dynamic sizes as the module takes them."""
    values, sizes = list(spec.inputs.values()), [spec.dynamic[name] for name in spec.inputs]
    if isinstance(spec.module, WindowGraph | StateGraph):
        states = len(values) - len(BANK_INPUTS)
        return (tuple(values[:states]), *values[states:]), (tuple(sizes[:states]), *sizes[states:])
    return tuple(values), tuple(sizes)


def _cast_pixels_first(graph: onnx.GraphProto) -> None:
    """Let the Cast alone read uint8 inputs: TensorRT documents no Shape of uint8."""
    pixels = {i.name for i in graph.input if i.type.tensor_type.elem_type == TensorProto.UINT8}
    casts = [n for n in graph.node if n.op_type == "Cast" and n.input[0] in pixels]
    floats = {cast.input[0]: cast.output[0] for cast in casts}
    others = [node for node in graph.node if node not in casts]
    for node in others:
        node.input[:] = [floats.get(name, name) for name in node.input]
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in [*casts, *others]]
    del graph.node[:]
    graph.node.extend(nodes)


def strip_notes(model: onnx.ModelProto) -> None:
    """Drop the exporter's stack traces: they hold paths of the machine that made the graph."""
    graph = model.graph
    for thing in [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output]:
        thing.ClearField("metadata_props")
    for thing in [*graph.node, graph]:
        thing.ClearField("doc_string")
    for initializer in graph.initializer:
        initializer.ClearField("metadata_props")
