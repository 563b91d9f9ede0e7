"""The command: its defaults, what it writes, and when it writes nothing."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

from stzsar.export import write_bundle as writer
from stzsar.export.cli import main
from stzsar.export.options import ExportOptions
from stzsar.export.pipeline import export as export_in_python
from stzsar.models.checkpoint import Checkpoint, save_checkpoint
from stzsar.models.prompts import PROMPT_SETS
from stzsar.runtime.atomic import written_whole
from stzsar.runtime.bundle.bundle import Bundle, sha256_of
from stzsar.runtime.engines.trt.store import EngineStore
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.labels.shipped import shipped_labels
from stzsar.runtime.text.encoder import TextEncoder


def export(*options: str):
    return CliRunner().invoke(main, list(options))


@pytest.fixture
def workplace(tmp_path, monkeypatch, make_request):
    """A folder with two checkpoints of one run under runs/."""
    monkeypatch.chdir(tmp_path)
    request = make_request(interaction="product", temporal=True)
    for step in (3, 6):
        checkpoint = Checkpoint(
            model=request.network.config,
            labels=tuple(request.labels),
            sampling=request.sampling,
            origin=request.origin,
            step=step,
        )
        with written_whole(Path(f"runs/mine/checkpoints/step-{step:06d}")) as folder:
            save_checkpoint(folder, checkpoint, request.network)
    return tmp_path


def test_alone_it_takes_the_newest_checkpoint_and_says_which(workplace):
    result = export("--fp16")
    assert result.exit_code == 0, result.output
    assert "step-000006" in result.output
    bundle = Bundle.open("runs/mine/bundle-fp16")
    assert bundle.manifest.precision == "fp16"
    assert bundle.manifest.sampling.frames == 4
    assert bundle.manifest.weights.source == "a test"
    assert bundle.bank.labels[0].attributes == ("bat", "ball")
    parity = json.loads((bundle.path / "parity.json").read_text())
    assert parity["top1_agreement"] == {"window": 1, "end to end": 1}
    assert parity["windows"] == 64
    assert "end to end.scores" in result.output


def test_options_change_what_they_say(workplace):
    result = export(
        "runs/mine/checkpoints/step-000003", "--labels", "wave, clap", "--frames", "6",
        "--rate", "2", "--no-text-encoder", "--output", "mine",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    bundle = Bundle.open("mine")
    assert bundle.bank.names == ("wave", "clap")
    assert (bundle.manifest.sampling.frames, bundle.manifest.sampling.rate_fps) == (6, 2.0)
    assert bundle.manifest.text is None
    assert not (bundle.path / "text.onnx").exists()


def check_clip(backbone):
    """Export a backbone with random weights, and compare what the bundle says with Kinetics."""
    result = export("--backbone", backbone, "--pretrained", "none")
    assert result.exit_code == 0, result.output
    bundle = Bundle.open(f"runs/{backbone}-none/bundle-fp32")
    assert bundle.bank.labels == shipped_labels("kinetics-400")
    assert "400 of 400 labels" in result.output
    assert len(bundle.bank.labels) == 400
    assert bundle.manifest.model["head"]["interaction"] == "residual"
    assert not bundle.manifest.model["head"]["projections"]
    assert "random" in bundle.manifest.weights.knows


@pytest.mark.usefixtures("backbones")
def test_clip_itself_is_exported_without_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_clip("tiny-ViT")


@pytest.mark.slow
def test_clip_of_real_size_is_exported_without_a_checkpoint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_clip("ViT-S-32-alt")


def test_prompts_are_those_of_the_bundle_and_of_labels_embedded_later(workplace):
    result = export("runs/mine", "--prompts", "clip-kinetics", "--output", "ensemble")
    assert result.exit_code == 0, result.output
    bundle = Bundle.open("ensemble")
    assert bundle.manifest.text is not None
    assert bundle.manifest.text.prompts == PROMPT_SETS["clip-kinetics"]
    labels = bundle.bank.labels
    later = TextEncoder(bundle).bank_for(labels)
    np.testing.assert_allclose(
        later.class_embeddings, bundle.bank.class_embeddings, rtol=0, atol=1e-5
    )
    described = export("inspect", "ensemble")
    assert "'a photo of {}.' and 27 more, averaged" in " ".join(described.output.split())


def test_python_and_the_command_write_the_same_bundle(workplace):
    result = export("runs/mine", "--frames", "6", "--no-text-encoder", "--output", "command")
    assert result.exit_code == 0, result.output

    exported = export_in_python(
        ExportOptions(
            checkpoint=Path("runs/mine"), frames=6, text_encoder=False, output=Path("python")
        )
    )

    assert exported.bundle == Path("python")
    assert exported.parity.top1_agreement == {"window": 1, "end to end": 1}
    bundles = [Bundle.open(name).manifest for name in ("command", "python")]
    assert bundles[0].files == bundles[1].files


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "There is no checkpoint under runs/"),
        (["nowhere"], "neither a checkpoint nor a run with one"),
        (["--labels", "gone.txt"], "gone.txt"),
        (["--labels", "gone"], "There is no file 'gone' for --labels"),
        (["--pretrained", "openai"], "need --backbone"),
        (["--interaction", "off"], "need --backbone"),
        (["--frame-weights", "guided"], "need --backbone"),
        (
            ["--backbone", "ViT-B-32", "--interaction", "mean", "--frame-weights", "guided"],
            "no effect with --interaction mean",
        ),
        (["--prompts", "a photo"], "'a photo' is no set of prompts"),
        (["--no-attributes"], "needs --labels or --backbone"),
        (["--tokenizer", "tokenizer.json"], "need --backbone"),
        (["x", "--backbone", "ViT-B-32"], "x and --backbone exclude each other"),
        (
            ["--backbone", "ViT-B-32", "--interaction", "mean", "--patch-path", "value"],
            "no effect with --interaction mean",
        ),
        (["--fp16", "--int8"], "--fp16 and --int8 exclude each other"),
        (["--calibration", "clips"], "needs --int8"),
        (["--backbone", "ViT-Z", "--pretrained", "none"], "no backbone 'ViT-Z'"),
        (["--backbone", "ViT-B-32", "--pretrained", "gone.pt"], "neither a file"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    result = export(*options)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_run_stands_for_its_newest_checkpoint(workplace, monkeypatch):
    monkeypatch.chdir(workplace / "runs/mine/checkpoints")
    for folder in ("..", "step-000006"):
        result = export(folder, "--frames", "9")  # refused once the checkpoint is loaded
        assert "is more than the 8 frames of this" in result.output
    assert "step-000006" in export("..", "--frames", "9").output


def test_what_is_no_bundle_is_never_replaced(workplace):
    """The folder of the runs, a stranger's folder, and a file, each as --output."""
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("x")
    Path("file").write_text("x")
    for target in ("runs", "runs/mine/checkpoints/step-000006", "mine", "mine/thesis.txt", "file"):
        result = export("--output", target)
        assert result.exit_code == 2
        assert "is not a bundle" in result.output
    assert Path("mine/thesis.txt").read_text() == Path("file").read_text() == "x"
    assert len(list(Path("runs/mine/checkpoints").iterdir())) == 2


def test_a_network_too_large_for_one_file_is_refused_before_tracing(workplace, monkeypatch):
    monkeypatch.setattr(writer, "_MAX_GRAPH_BYTES", 1000)
    result = export()
    assert result.exit_code == 2
    assert "Use ViT-L-14 or a smaller one" in result.output


def test_more_frames_than_the_temporal_transformer_takes_are_refused(workplace):
    result = export("--frames", "9")
    assert result.exit_code == 2
    assert "is more than the 8 frames of this" in result.output


def test_a_graph_that_differs_is_no_bundle_and_exit_code_3(workplace, monkeypatch):
    """One weight of the traced graph is changed: the gate must see it, and leave nothing."""
    honest = writer.trace

    def dishonest(spec):
        model = honest(spec)
        weights = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
        for weight in sorted(weights, key=lambda tensor: np.prod(tensor.dims))[-1:]:
            values = numpy_helper.to_array(weight) * 1.5
            weight.CopyFrom(numpy_helper.from_array(values.astype(np.float32), weight.name))
        return model

    monkeypatch.setattr(writer, "trace", dishonest)
    result = export()
    assert result.exit_code == 3, result.output
    assert "No bundle was written" in result.output
    assert not (workplace / "runs/mine/bundle-fp32").exists()
    assert not list((workplace / "runs/mine").glob(".bundle*"))


def test_engines_survive_a_new_export_and_are_used_where_the_graph_is_the_same(
    make_request, tmp_path, orin_key
):
    target = tmp_path / "bundle"
    first = make_request(interaction="off", text_encoder=False)
    writer.write_bundle(first, target)
    hashes = [sha256_of(target / f"{name}.onnx") for name in ("frame", "window")]
    keys = [dataclasses.replace(orin_key, graph=graph) for graph in hashes]
    EngineStore(target).keep("frame", keys[0], b"an engine")
    EngineStore(target).keep("window", keys[1], b"another")

    writer.write_bundle(first, target)
    assert EngineStore(target).load("frame", keys[0]) == (b"an engine", "")

    writer.write_bundle(make_request(interaction="mean", text_encoder=False), target)
    changed = dataclasses.replace(keys[1], graph=sha256_of(target / "window.onnx"))
    assert EngineStore(target).load("frame", keys[0]) == (b"an engine", "")
    engine, reason = EngineStore(target).load("window", changed)
    assert engine is None
    assert "built from the graph" in reason
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_an_export_that_fails_leaves_the_old_bundle_with_its_engines(workplace, monkeypatch):
    target = workplace / "bundle"
    (target / "engines").mkdir(parents=True)
    (target / "engines" / "frame.engine").write_bytes(b"an engine")
    for name in ("manifest.json", "frame.onnx"):
        (target / name).write_text("old")

    def broken(spec):
        raise StzsarError("It cannot be traced.")

    monkeypatch.setattr(writer, "trace", broken)
    assert export("--output", "bundle").exit_code == 2
    assert (target / "engines" / "frame.engine").read_bytes() == b"an engine"
    assert (target / "manifest.json").read_text() == "old"


def test_graphs_are_whole_files(exported):
    for path in exported(interaction="product", temporal=True)[0].glob("*.onnx"):
        weights = onnx.load(path, load_external_data=False).graph.initializer
        assert not any(weight.external_data for weight in weights)
