"""Traces modules to self-contained ONNX models."""

from typing import Any

import onnx
import torch
from onnx import TensorProto

from ..models.quiet import quiet
from ..runtime.errors import StzsarError
from .graphs import BANK_INPUTS, GraphSpec

OPSET = 20  # the newest that TensorRT 10.3 (JetPack 6) parses, and the first with Gelu as a node


def trace(spec: GraphSpec) -> onnx.ModelProto:
    """Trace `spec` with torch's dynamo exporter.

    Raises:
        StzsarError: the exporter does not support the module.
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
    except Exception as error:  # the exporter raises many types
        raise StzsarError(
            f"torch {torch.__version__} cannot trace {type(spec.module).__name__}: "
            f"{(str(error).strip().splitlines() or [type(error).__name__])[0]}"
        ) from error
    assert program is not None
    model = program.model_proto
    strip_metadata(model)
    _cast_pixels_first(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _arguments(spec: GraphSpec) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the module's arguments, tensors and bank if any, and their dynamic sizes."""
    own = [name for name in spec.inputs if name not in BANK_INPUTS]
    bank = [name for name in spec.inputs if name in BANK_INPUTS]
    groups = [names for names in (own, bank) if names]
    args = tuple(tuple(spec.inputs[name] for name in names) for names in groups)
    return args, tuple(tuple(spec.dynamic[name] for name in names) for names in groups)


def _cast_pixels_first(graph: onnx.GraphProto) -> None:
    """Make a Cast the only reader of uint8 inputs: TensorRT's Shape does not document uint8."""
    pixels = {i.name for i in graph.input if i.type.tensor_type.elem_type == TensorProto.UINT8}
    casts = [n for n in graph.node if n.op_type == "Cast" and n.input[0] in pixels]
    floats = {cast.input[0]: cast.output[0] for cast in casts}
    others = [node for node in graph.node if node not in casts]
    for node in others:
        node.input[:] = [floats.get(name, name) for name in node.input]
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in [*casts, *others]]
    del graph.node[:]
    graph.node.extend(nodes)


def strip_metadata(model: onnx.ModelProto) -> None:
    """Remove the exporter's stack traces, which contain paths of the exporting machine."""
    graph = model.graph
    for thing in [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output]:
        thing.ClearField("metadata_props")
    for thing in [*graph.node, graph]:
        thing.ClearField("doc_string")
    for initializer in graph.initializer:
        initializer.ClearField("metadata_props")
