import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

_LOAD = """
import sys
from pathlib import Path
import onnxruntime
from stzsar.runtime.engines.ort_engine import OrtGraph

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096

before = resident()
graph = OrtGraph(Path(sys.argv[1]), threads=1)
print(resident() - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is read from Linux's proc"
)
def test_a_loaded_graph_takes_little_more_memory_than_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    weight_bytes = _save_transformer_like_graph(path)

    ran = subprocess.run(
        [sys.executable, "-c", _LOAD, str(path)], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stderr
    # 1.2 times where the C library keeps what was read; 1.5 times with the weights of ViT-B-32.
    assert int(ran.stdout) < 1.15 * weight_bytes


def _save_transformer_like_graph(path: Path, blocks: int = 12, width: int = 512) -> int:
    """Save matrices of several sizes in turn, as a transformer has them; return their bytes."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    shapes = [(width, 3 * width), (3 * width, width), (width, 4 * width), (4 * width, width)]
    generator = np.random.default_rng(0)
    nodes, weights, last = [], [], "x"
    for number in range(blocks):
        for place, shape in enumerate(shapes):
            name = f"w{number}_{place}"
            matrix = generator.standard_normal(shape, dtype=np.float32)
            weights.append(numpy_helper.from_array(matrix, name))
            nodes.append(helper.make_node("MatMul", [last, name], [f"y{name}"]))
            last = f"y{name}"
    rows = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", width])
    out = helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph(nodes, "g", [rows], [out], weights)
    opsets = [helper.make_opsetid("", 18)]
    # Python 3.10 has an older ONNX Runtime than onnx.
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return sum(len(weight.raw_data) for weight in weights)
