"""ONNX Runtime: constants bound once, and its TensorRT provider."""

import os
import re
import stat
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.engines import ort_engine
from stzsar.runtime.engines.opening import open_graph
from stzsar.runtime.engines.ort_engine import OrtGraph
from stzsar.runtime.engines.ort_tensorrt import PROVIDER, provider_options
from stzsar.runtime.errors import EngineError

STATES = {
    "colour": np.full((1, 4, 3), 0.5, np.float32),
    "closeness": np.full((1, 4, 3), 0.5, np.float32),
}


def _turned(arrays):
    return {name: np.asfortranarray(value) for name, value in arrays.items()}


def test_bound_constants_give_what_feeds_give(bundle, recognizer):
    graph, bank = OrtGraph(bundle / "window.onnx"), recognizer.scorer.bank.arrays()

    bound = graph.bind({**bank, "of another graph": np.zeros(1)})(STATES)

    for name, value in graph({**STATES, **bank}).items():
        np.testing.assert_array_equal(bound[name], value)


def test_outputs_that_nobody_wants_are_not_given(bundle, recognizer, picture):
    graph, bank = OrtGraph(bundle / "frame.onnx"), recognizer.scorer.bank.arrays()
    frames = {"frames": picture("red", 16, 16)[None]}

    found = graph.bind(bank, ("closeness", "patch_embeddings"))(frames)

    assert set(found) == {"closeness", "patch_embeddings"}
    for name, value in found.items():
        np.testing.assert_array_equal(value, graph({**frames, **bank})[name])


def test_an_array_that_is_no_longer_contiguous_is_taken_too(bundle, recognizer):
    bank = recognizer.scorer.bank.arrays()
    rng = np.random.default_rng(0)
    states = {name: rng.random(value.shape, np.float32) for name, value in STATES.items()}
    graph = OrtGraph(bundle / "window.onnx")

    expected = graph.bind(bank)(states)["logits"]
    found = graph.bind(_turned(bank))(_turned(states))["logits"]

    np.testing.assert_array_equal(found, expected)


def test_threads_of_one_graph_leave_the_cores_to_the_other_between_runs(bundle):
    options = OrtGraph(bundle / "frame.onnx", threads=2)._session.get_session_options()
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


@pytest.mark.parametrize(
    "feeds", [{}, {**STATES, "colour": np.zeros((1, 4, 3))}, {**STATES, "colour": np.zeros((3,))}]
)
def test_feeds_that_the_graph_does_not_take_are_an_engine_error(bundle, recognizer, feeds):
    bound = OrtGraph(bundle / "window.onnx").bind(recognizer.scorer.bank.arrays())

    with pytest.raises(EngineError, match="ONNX Runtime failed"):
        bound(feeds)


def test_what_onnx_runtime_says_is_told_in_one_line_to_its_end(bundle, recognizer):
    bound = OrtGraph(bundle / "frame.onnx").bind(recognizer.scorer.bank.arrays())

    with pytest.raises(EngineError) as caught:
        bound({"frames": np.zeros((1, 15, 16, 3), np.uint8)})
    sentence = str(caught.value)
    assert "Got: 15 Expected: 16" in sentence
    assert "\n" not in sentence
    assert "ONNXRuntimeError" not in sentence


def test_a_graph_that_onnx_runtime_refuses_is_one_sentence(bundle, tmp_path):
    data = (bundle / "frame.onnx").read_bytes()
    (tmp_path / "frame.onnx").write_bytes(data.replace(b"ReduceMean", b"ReduceMine"))

    with pytest.raises(EngineError, match=r"ONNX Runtime refuses .*frame\.onnx: .*ReduceMine"):
        OrtGraph(tmp_path / "frame.onnx")


def test_tensorrt_in_a_wheel_without_it_is_one_sentence(bundle):
    with pytest.raises(EngineError, match="does not run TensorRT here"):
        open_graph(bundle / "frame.onnx", engine="onnxruntime-tensorrt")


def test_a_provider_that_ort_leaves_out_silently_is_noticed(monkeypatch, tmp_path):
    """A wheel names the provider, and its session falls back where TensorRT does not load."""
    real = onnxruntime.InferenceSession
    asked = []

    def session(path, options=None, providers=(), **_):
        asked.extend(providers)
        return real(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(ort_engine, "find_driver", lambda: object())
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [PROVIDER])
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)

    with pytest.raises(EngineError, match="does not run TensorRT here"):
        OrtGraph(shipped_bundle() / "frame.onnx", tensorrt=True)
    assert asked[1][0] == PROVIDER


def test_the_provider_is_told_of_all_sizes_and_keeps_engines_for_this_user_only(
    bundle, monkeypatch, tmp_path
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    inputs = [("colour", ["B", "T", 3]), ("attribute_mask", ["C", "W"])]

    options = provider_options(bundle / "window.onnx", inputs)

    assert options["trt_profile_min_shapes"] == "colour:1x1x3,attribute_mask:1x1"
    assert options["trt_profile_opt_shapes"] == "colour:4x4x3,attribute_mask:128x8"
    assert options["trt_profile_max_shapes"] == "colour:4x4x3,attribute_mask:512x16"
    assert options["trt_fp16_enable"] is False
    folder = next(tmp_path.glob("stzsar/onnxruntime/*"))
    assert options["trt_engine_cache_path"] == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_cuda_is_asked_for_where_there_is_a_driver_and_says_nothing_on_stdout(
    bundle, monkeypatch, capsys
):
    real = onnxruntime.InferenceSession
    asked = []

    def session(path, options, providers=(), **_):
        print("EP Error: falling back")
        asked.extend(providers)
        return real(path, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort_engine, "find_driver", lambda: object())
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(
        onnxruntime, "preload_dlls", lambda: asked.append("preloaded"), raising=False
    )
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)

    graph = OrtGraph(bundle / "frame.onnx")

    assert asked == ["preloaded", "CUDAExecutionProvider", "CPUExecutionProvider"]
    assert graph.device == "cpu"
    assert not capsys.readouterr().out


def test_the_level_of_optimisation_is_all_but_for_fp16(bundle, tmp_path):
    model = onnx.load(bundle / "window.onnx")
    model.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float16), "half"))
    onnx.save(model, tmp_path / "half.onnx")
    levels = onnxruntime.GraphOptimizationLevel

    found = [
        OrtGraph(path)._session.get_session_options().graph_optimization_level
        for path in (bundle / "window.onnx", tmp_path / "half.onnx")
    ]

    assert found == [levels.ORT_ENABLE_ALL, levels.ORT_ENABLE_EXTENDED]


@pytest.mark.parametrize("name", ["frame.onnx", "window.onnx", "text.onnx", "state.onnx"])
def test_every_level_of_optimisation_gives_the_same_numbers(name):
    """fp32 graphs are run as they are written, without any optimisation, for comparison."""
    path = shipped_bundle() / name
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain: Any = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    rng = np.random.default_rng(0)
    bank = Bundle.open(shipped_bundle()).bank.arrays()
    sizes = {"frames": (2, 64, 64, 3), "tokens": (2, 24), "frame": (1, 8, 128)}
    feeds = {}
    for node in plain.get_inputs():
        shape = sizes.get(node.name) or (2, 8 if name == "window.onnx" else 16, 24)
        values = rng.random(shape, np.float32)
        as_whole = {"tensor(uint8)": np.uint8, "tensor(int64)": np.int64}.get(node.type)
        feeds[node.name] = bank.get(
            node.name, (values * 99).astype(as_whole) if as_whole else values
        )
    if name == "window.onnx":
        feeds["spatial"] = rng.random((1, 8, 24), np.float32)
    if name == "state.onnx":
        feeds["patch_embeddings"] = rng.random((2, 16, 128), np.float32)

    expected = dict(zip([n.name for n in plain.get_outputs()], plain.run(None, feeds), strict=True))

    for output, values in OrtGraph(path)(feeds).items():
        np.testing.assert_allclose(
            values, np.asarray(expected[output]), rtol=1e-5, atol=1e-6 * np.abs(values).max()
        )


def test_threads_follow_the_quota_of_the_machine(bundle, monkeypatch):
    def threads(graph):
        return graph._session.get_session_options().intra_op_num_threads

    monkeypatch.setattr(ort_engine, "cpu_limit", lambda: 3)
    assert threads(OrtGraph(bundle / "window.onnx")) == 3
    assert threads(OrtGraph(bundle / "window.onnx", threads=2)) == 2
    monkeypatch.setattr(ort_engine, "cpu_limit", lambda: None)
    assert threads(OrtGraph(bundle / "window.onnx")) == 0


OPENED = """
import sys
from pathlib import Path
from stzsar.runtime.engines.ort_engine import OrtGraph
OrtGraph(Path(sys.argv[1]))
"""


def test_onnx_runtime_leaves_nothing_in_a_users_home(bundle, tmp_path):
    """From 1.29 on its import writes a device id and a queue of events."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}

    command = [sys.executable, "-c", OPENED, str(bundle / "window.onnx")]
    subprocess.run(command, env=environment, check=True)

    assert list(tmp_path.rglob("*")) == []


def test_one_function_imports_onnx_runtime(root):
    """It turns telemetry off before; whoever imports it directly may come first."""
    importers = [
        path.relative_to(root).as_posix()
        for folder in ("runtime", "export", "models", "train", "benchmarks")
        for path in (root / folder).rglob("*.py")
        if re.search(r"^\s*(import|from) onnxruntime\b", path.read_text(), re.MULTILINE)
        and "load_onnxruntime()" not in path.read_text()
        and "ORT_DISABLE_TELEMETRY" not in path.read_text()
    ]
    assert importers == []
