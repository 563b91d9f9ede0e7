"""Static int8 for the frame graph's tower: QuantizeLinear and DequantizeLinear around its products.

Quantised are the weighted matrix products before the bank, which are nearly all of the work. The
rest stays fp32: attention's products of activations, LayerNormalization, softmax, unit length,
what depends on the bank (as in `fp16`), and the patch convolution, for which ONNX Runtime has no
int8 kernel in this form and which is a few percent of the work. `window.onnx` and `text.onnx` stay
fp32 too: one is small and feeds a softmax of temperature 0.01, the other runs once for a label.

One form for every device. TensorRT wants symmetric int8 with zero points of 0, for activations of
one scale, for weights of one per output channel. On x86 ONNX Runtime turns such activations into
uint8, and without VNNI adds two products in 16 bits, which saturate: 255 · 127 · 2 > 32767 (a sum
of 8 258 048 became 65 280 on an emulated AVX2 processor). The weights therefore keep to 7 bits
(255 · 64 · 2 = 32640, and every sum was right), whatever machine exports: its own comparison with
torch would not see what another machine's processor does. TensorRT-RTX compiles the result; its
numbers and its speed on a GPU are not verified on hardware.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx

from ..models.quiet import quiet
from ..runtime.engines.graph import Array
from ..runtime.engines.ort_import import load_onnxruntime
from .graphs import BANK_INPUTS
from .to_onnx import strip_notes

_PRODUCTS = ["MatMul", "Gemm"]
_BATCH = 8


def to_int8(model: onnx.ModelProto, frames_bhwc: Array, bank: dict[str, Array]) -> onnx.ModelProto:
    """Return a copy of the fp32 frame graph `model` with its tower in int8.

    Args:
        model: with the inputs `frames` and the bank's.
        frames_bhwc: uint8 [B, S, S, 3], whose activations give the ranges.
        bank: any arrays that the graph takes: no range depends on them.
    """
    load_onnxruntime()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    feeds = [
        {"frames": frames_bhwc[start : start + _BATCH], **bank}
        for start in range(0, len(frames_bhwc), _BATCH)
    ]
    with tempfile.TemporaryDirectory() as folder, quiet():
        plain, quantized = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        onnx.save(model, plain)
        quantize_static(
            plain,
            quantized,
            _reader(feeds),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=_PRODUCTS,
            nodes_to_quantize=tower_products(model.graph),
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,  # TensorRT takes no int32
                "OpTypesToExcludeOutputQuantization": _PRODUCTS,
            },
        )
        converted = onnx.load(quantized)
    strip_notes(converted)
    del converted.graph.value_info[:]
    onnx.checker.check_model(converted, full_check=True)
    return converted


def tower_products(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the weighted matrix products that do not depend on the bank."""
    weights = {tensor.name for tensor in graph.initializer}
    after_bank: set[str] = set(BANK_INPUTS)
    names = []
    for node in graph.node:
        if after_bank & set(node.input):
            after_bank.update(node.output)
        elif node.op_type in _PRODUCTS and weights & set(node.input):
            names.append(node.name)
    return names


def _reader(feeds: Sequence[dict[str, Array]]) -> Any:
    """Return `feeds` as what onnxruntime.quantization reads: each once, then None."""
    load_onnxruntime()
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left: Iterator[dict[str, Array]] = iter(feeds)

        def get_next(self) -> dict[str, Array] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            return next(self._left, None)

    return Reader()
