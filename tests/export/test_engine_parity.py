"""Engines compared with their graphs, on a fake GPU whose engines run ONNX Runtime.

This shows that wrong engines are noticed. It cannot show what real engines compute.
"""

import shutil

import numpy as np
import pytest

from stzsar.export import pipeline
from stzsar.export.engine_parity import check_engines, compare_engines
from stzsar.export.options import EngineOptions
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.engines import cuda
from stzsar.runtime.engines.opening import open_graph
from stzsar.runtime.engines.trt import graph as trt_graph
from stzsar.runtime.errors import ParityError

TYPES = {"frames": "UINT8", "attribute_mask": "BOOL"}


def network_of(path, spoil):
    """What the fake TensorRT must know about a graph."""
    graph = open_graph(path, engine="onnxruntime")
    shapes = {
        name: (
            TYPES.get(name, "FLOAT"),
            [-1 if n is None else n for n in graph.sizes.get(name, ())],
        )
        for name in (*graph.inputs, *graph.outputs)
    }
    return {
        "inputs": {name: shapes[name] for name in graph.inputs},
        "outputs": {name: shapes[name] for name in graph.outputs},
        "compute": lambda feeds: {n: spoil(n, value) for n, value in graph(feeds).items()},
    }


@pytest.fixture
def compared(exported, fake_gpu, monkeypatch, tmp_path):
    """Compares engines whose outputs `spoil` changes; returns the report and the bundle."""

    def compare(spoil=lambda name, value: value, **switches):
        source, _ = exported(interaction="product", temporal=True, **switches)
        bundle = Bundle.open(shutil.copytree(source, tmp_path / "bundle"))
        driver = cuda.Driver(fake_gpu.FakeCuda())
        modules = iter(
            fake_gpu.fake_tensorrt("10.3.0", network_of(bundle.path / name, spoil))
            for name in ("frame.onnx", "window.onnx")
        )
        monkeypatch.setattr(trt_graph, "find_driver", lambda: driver)
        monkeypatch.setattr(trt_graph, "load_tensorrt", lambda: next(modules))
        return compare_engines(bundle), bundle

    return compare


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_engines_that_compute_what_the_graphs_do_pass_and_stay(compared, precision):
    report, bundle = compared(precision=precision)

    check_engines(report, bundle.path / "engines")

    assert report.top1_agreement == {"window": 1, "end to end": 1}
    assert {name.split(".")[0] for name in report.differences} == {"frame", "window", "end to end"}
    assert max(found.relative for found in report.differences.values()) < 1e-5
    assert report.table().title == "Parity with ONNX Runtime, 64 windows of drawn pictures"
    assert (bundle.path / "engines" / "frame.engine").is_file()


def test_tf32_is_within_the_bounds_of_an_fp32_bundle(compared):
    def rounded(name, value):
        """Eleven bits, as TF32 has them."""
        return value.astype(np.float16).astype(np.float32)

    report, bundle = compared(rounded)

    assert report.differences["frame.frame"].relative > 1e-5
    check_engines(report, bundle.path / "engines")


@pytest.mark.parametrize("wrong", ["frame", "logits"])
def test_engines_that_compute_something_else_are_removed_with_one_sentence(compared, wrong):
    report, bundle = compared(lambda name, value: value[..., ::-1] if name == wrong else value)

    with pytest.raises(ParityError, match=r"TensorRT's engines and ONNX Runtime differ too much"):
        check_engines(report, bundle.path / "engines")
    left = {path.name for path in (bundle.path / "engines").iterdir()}
    assert left == {"timings.engine", "timings.json"}
    assert Bundle.open(bundle.path)


def test_engines_that_give_nan_are_removed(compared):
    report, bundle = compared(lambda name, value: value * np.float32(np.nan))

    with pytest.raises(ParityError, match="Run the bundle with --engine onnxruntime"):
        check_engines(report, bundle.path / "engines")


def test_the_command_shows_the_numbers_and_refuses_what_is_out_of_bounds(
    compared, monkeypatch, capsys
):
    report, bundle = compared(lambda name, value: value[..., ::-1] if name == "logits" else value)
    engines = bundle.path / "engines"
    monkeypatch.setattr(pipeline, "device_engines", lambda *_, **__: engines)
    monkeypatch.setattr(pipeline, "compare_engines", lambda bundle: report)

    with pytest.raises(ParityError):
        pipeline.build_engines(bundle.path, EngineOptions(tensorrt=True))

    assert "Parity with ONNX Runtime" in capsys.readouterr().err
    assert not (engines / "frame.engine").exists()
