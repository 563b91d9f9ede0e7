"""The exported graphs in a real compiler: TensorRT-RTX compiles without a GPU.

This shows that the graphs parse, are strongly typed and compile with dynamic sizes. Kernels and
numbers are made on the user's GPU, and are not tested.
"""

import json
import re
import shutil

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from stzsar.export import pipeline
from stzsar.export.cli import main
from stzsar.export.engines import GRAPHS, rtx_engines
from stzsar.export.fp16 import to_fp16
from stzsar.export.graphs import frame_spec
from stzsar.export.to_onnx import trace
from stzsar.models.config import HeadConfig
from stzsar.models.pretrained import load_clip
from stzsar.models.transformer import write_out_attention
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.engines.trt import api as trt_api
from stzsar.runtime.engines.trt.build import BuildPlan, build_engine
from stzsar.runtime.engines.trt.graph import RTX_ENGINES
from stzsar.runtime.engines.trt.key import Limits
from stzsar.runtime.engines.trt.store import EngineStore
from stzsar.runtime.errors import EngineError

SWITCHES = {"interaction": "product", "temporal": True}
# Domain "" and these, which onnx-tensorrt 10 lists for opsets up to 20.
LISTED = {
    "Add", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "Div", "Equal", "Exp",
    "Expand", "Gather", "Gelu", "Gemm", "Identity", "LayerNormalization", "MatMul", "Max", "Min",
    "Mul", "Not", "Range", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape", "Shape",
    "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Transpose", "Unsqueeze",
    "Where",
}  # fmt: skip


@pytest.fixture(scope="module")
def rtx():
    return pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")


def compile_bundle(folder, **options):
    """Return the engines' folder and how many nodes of attention the compiler saw."""
    heard = []
    bundle = Bundle.open(folder)
    settings = {"streams": 4, "labels": None, "report": lambda share, phase: None, **options}
    made = rtx_engines(bundle, ("sm86",), listen=heard.append, **settings)
    return made, sum("to be part of self-attention pattern" in message for message in heard)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_small_networks_graphs_compile_for_rtx_cards(exported, rtx, tmp_path, precision):
    folder, network = exported(**SWITCHES, precision=precision)
    folder = shutil.copytree(folder, tmp_path / "bundle")
    _, attention = compile_bundle(folder)
    for name in GRAPHS:
        found = EngineStore(folder, RTX_ENGINES).read_key(name.removesuffix(".onnx"))
        assert found
        key = found[0]
        assert (key.family, key.capability, key.precision) == ("tensorrt_rtx", "8.6", precision)
        assert key.limits == Limits(streams=4, frames=4, labels=512, attributes=16)
    layers = network.config.vision.layers + network.config.temporal.layers
    assert attention == 3 * layers  # a softmax between two products
    Bundle.open(folder)  # engines are not the manifest's business


def test_the_shipped_bundle_compiles_for_rtx_cards(rtx, tmp_path):
    for name in GRAPHS:
        plan = BuildPlan(limits=Limits(streams=2, frames=8, labels=8), targets=("sm89",))
        assert build_engine(rtx, shipped_bundle() / name, plan)[0]


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_hold_only_operators_of_tensorrt_10(exported, precision, name):
    model = onnx.load(exported(**SWITCHES, precision=precision)[0] / name)
    assert {node.domain for node in model.graph.node} == {""}
    assert {node.op_type for node in model.graph.node} <= LISTED
    assert [(o.domain, o.version <= 20) for o in model.opset_import] == [("", True)]


def mixed_types(path):
    """A product of fp32 with fp16, which ONNX forbids and a strongly typed network too."""
    weight = numpy_helper.from_array(np.ones((3, 3), np.float16), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["frames", "w"], ["y"])],
        "mixed",
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["B", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 3])],
        [weight],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), str(path))


def test_a_graph_of_mixed_types_is_refused_with_the_compilers_reason(rtx, tmp_path):
    mixed_types(tmp_path / "frame.onnx")
    plan = BuildPlan(limits=Limits(), targets=("sm86",))
    with pytest.raises(EngineError) as caught:
        build_engine(rtx, tmp_path / "frame.onnx", plan)
    sentence = str(caught.value)
    assert "type Float" in sentence
    assert "type Half" in sentence
    assert "\n" not in sentence


def test_what_is_no_onnx_is_refused_in_one_sentence(rtx, tmp_path):
    (tmp_path / "frame.onnx").write_bytes(b"no graph")
    with pytest.raises(EngineError, match=r"refuses .*frame\.onnx"):
        build_engine(rtx, tmp_path / "frame.onnx", BuildPlan(limits=Limits(), targets=("sm86",)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--tensorrt-rtx", "sm87"], "'sm87' is a Jetson (Orin)"),
        (["--tensorrt-rtx", "sm86,hopper"], "does not compile for 'hopper'"),
        (["--tensorrt-rtx", ""], "names no compute capability: give them as sm86,sm89"),
        (["--tensorrt-rtx", " ,"], "names no compute capability: give them as sm86,sm89"),
        (["--tensorrt"], "requires an NVIDIA GPU with its driver"),
        (["--tensorrt"], "Leave --tensorrt out: the first stzsar-run on the device builds"),
        (["--max-labels", "5"], "--max-labels needs --tensorrt or"),
        (["--max-streams", "5"], "--max-streams needs --tensorrt or"),
    ],
)
def test_what_cannot_be_built_is_said_before_the_export(monkeypatch, options, sentence):
    monkeypatch.setattr(trt_api, "find_driver", lambda: None)
    monkeypatch.setattr(pipeline, "load_rtx", lambda: None)
    monkeypatch.setattr(pipeline, "from_checkpoint", lambda folder: pytest.fail("began"))
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert "--engine" not in result.stderr  # an option of stzsar-run only
    assert result.stderr.count("Error:") == 1


def test_every_target_that_is_offered_is_one_of_the_compiler(rtx):
    known = {name.lower() for name in dir(rtx.ComputeCapability) if re.match(r"SM\d", name)}
    assert set(trt_api.RTX_TARGETS) == known


def compile_by_command(folder, monkeypatch, backbone):
    """Export a backbone for two RTX cards, with room for a few labels more than it has."""
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(
        main,
        ["--backbone", backbone, "--pretrained", "none", "--fp16", "--no-text-encoder",
         "--tensorrt-rtx", "sm86,sm120", "--max-streams", "2", "--max-labels", "450",
         "--output", "mine"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    document = json.loads((folder / "mine/engines/rtx/frame.json").read_text())
    assert document["capability"] == "8.6,12.0"
    limits = {"streams": 2, "frames": 8, "labels": 450, "attributes": 16}
    assert document["limits"] == limits
    assert (folder / "mine/engines/rtx/window.engine").stat().st_size > 1000


@pytest.mark.usefixtures("rtx", "backbones")
def test_the_command_compiles_what_it_exported(tmp_path, monkeypatch):
    compile_by_command(tmp_path, monkeypatch, "tiny-ViT")


@pytest.mark.slow
@pytest.mark.usefixtures("rtx")
def test_the_command_compiles_a_backbone_of_real_size(tmp_path, monkeypatch):
    compile_by_command(tmp_path, monkeypatch, "ViT-S-32-alt")


def compile_frame_graph(rtx, folder, backbone):
    """Compile a backbone's fp16 frame graph; return the engine and the nodes of attention seen."""
    network, _ = load_clip(backbone, "none", head=HeadConfig(interaction="product"))
    write_out_attention(network)
    onnx.save(to_fp16(trace(frame_spec(network.eval()))), folder / "frame.onnx")
    heard = []
    limits = Limits(streams=4, frames=8, labels=512, attributes=16)
    plan = BuildPlan(limits=limits, targets=("sm86",))
    engine, _ = build_engine(rtx, folder / "frame.onnx", plan, listen=heard.append)
    return engine, sum("to be part of self-attention pattern" in message for message in heard)


@pytest.mark.usefixtures("backbones")
def test_the_attention_of_a_clip_backbone_is_seen_in_fp16(rtx, tmp_path):
    _, attention = compile_frame_graph(rtx, tmp_path, "tiny-ViT")
    assert attention == 2 * 3  # two layers: a softmax between two products


@pytest.mark.slow
def test_vit_b_32_in_fp16_compiles_and_its_attention_is_seen(rtx, tmp_path):
    engine, attention = compile_frame_graph(rtx, tmp_path, "ViT-B-32")
    assert len(engine) > 100 << 20
    assert attention == 12 * 3
