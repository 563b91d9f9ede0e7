"""Static int8 for the frame encoder: QuantizeLinear and DequantizeLinear around its products.

The weighted matrix products before the bank are quantized: nearly all of the work. The rest stays
fp32: attention's products of activations, LayerNormalization, softmax, unit length, everything that
depends on the bank (see `fp16`), and the patch convolution, a few percent of the work, for which
ONNX Runtime has no int8 kernel in this form. So do `window.onnx`, which is small and contains a
softmax of temperature 0.01, and `text.onnx`, which runs once per label.

Every device gets the same form. TensorRT requires symmetric int8 with zero points of 0: one scale
for activations, one per output channel for weights. On x86, ONNX Runtime converts such activations
to uint8, and without VNNI it adds two products in 16 bits, which saturate: 255 · 127 · 2 > 32767 (a
sum of 8 258 048 became 65 280 on an emulated AVX2 processor). So weights use 7 bits (255 · 64 · 2 =
32640), whichever machine exports: its comparison with torch would not notice what happens on
another machine. TensorRT-RTX compiles the result; numbers and speed on a GPU are not verified.
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
from .to_onnx import strip_metadata

_PRODUCTS = ["MatMul", "Gemm"]
_BATCH = 8


def to_int8(
    model: onnx.ModelProto,
    frames_bhwc: Array,
    bank: dict[str, Array],
    *,
    scratch: Path | None = None,
) -> onnx.ModelProto:
    """Return a copy of the fp32 frame graph `model` with its tower in int8.

    The ranges of activations are measured on `frames_bhwc`, uint8 BGR [B, S, S, 3]; none depends on
    the bank. `scratch` is the folder for temporary files, which are as large as the graph.
    """
    load_onnxruntime()
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    feeds = [
        {"frames": frames_bhwc[start : start + _BATCH], **bank}
        for start in range(0, len(frames_bhwc), _BATCH)
    ]
    with tempfile.TemporaryDirectory(dir=scratch) as folder, quiet():
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
                "QuantizeBias": False,  # TensorRT does not support int32
                "OpTypesToExcludeOutputQuantization": _PRODUCTS,
            },
        )
        converted = onnx.load(quantized)
    strip_metadata(converted)
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
    """Wrap `feeds` for onnxruntime.quantization, whose base class is imported late."""
    load_onnxruntime()
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._remaining: Iterator[dict[str, Array]] = iter(feeds)

        def get_next(self) -> dict[str, Array] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
            return next(self._remaining, None)

    return Reader()
