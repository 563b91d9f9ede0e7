"""int8: a form that TensorRT and any x86 support, its calibration, and the parity gate."""

import collections
import dataclasses
import json
import logging
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, numpy_helper

from stzsar.export.calibration import FRAMES, calibration_files, read_calibration
from stzsar.export.cli import main
from stzsar.export.write_bundle import write_bundle
from stzsar.models.checkpoint import Checkpoint, save_checkpoint
from stzsar.runtime.atomic import written_whole
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import ParityError, SourceError

SWITCHES = {"interaction": "product", "temporal": True}
SAMPLE = str(shipped_bundle().parent / "sample.mp4")


@pytest.fixture(scope="module")
def pair(exported):
    """The same network's bundles in fp32 and in int8."""
    return tuple(exported(**SWITCHES, precision=p)[0] for p in ("fp32", "int8"))


@pytest.fixture(scope="module")
def graph(pair):
    return onnx.load(pair[1] / "frame.onnx").graph


def arrays(graph):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def write_video(path, frames):
    """A video of noise, `frames` long; none repeats the one before."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 8, (64, 48))
    rng = np.random.default_rng(0)
    for _ in range(frames):
        writer.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    writer.release()


def save_run(network, request):
    described = Checkpoint(
        model=network.config,
        labels=tuple(request.labels),
        sampling=request.sampling,
        origin=request.origin,
        step=1,
    )
    with written_whole(Path("runs/mine/checkpoints/step-000001")) as folder:
        save_checkpoint(folder, described, network)


def make_hostile(network):
    """The same function with one channel a thousand times the others between norm and product.

    In fp32 nothing changes; one scale for all channels leaves the others no steps of their own.
    """
    with torch.no_grad():
        for block in network.visual.transformer.resblocks:
            for norm, weight in (
                (block.ln_1, block.attn.in_proj_weight),
                (block.ln_2, block.mlp.c_fc.weight),
            ):
                norm.weight[0] *= 1000
                norm.bias[0] *= 1000
                weight[:, 0] /= 1000
    return network


def test_scales_are_symmetric_as_tensorrt_wants_them(graph):
    values = arrays(graph)
    kinds = collections.Counter()
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            scale, zero_point = (values[name] for name in node.input[1:3])
            assert zero_point.dtype == np.int8
            assert not zero_point.any()
            kinds["per channel" if scale.size > 1 else "per tensor"] += 1
            if scale.size > 1:  # a weight, in its own type in the file
                assert node.op_type == "DequantizeLinear"
                assert values[node.input[0]].dtype == np.int8
    assert kinds["per channel"] >= 9
    assert kinds["per tensor"] >= 2 * 8


def test_no_two_products_overflow_16_bits(graph):
    """x86 without VNNI adds two products of a uint8 and a weight in 16 bits."""
    weights = [tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT8]
    largest = max(np.abs(numpy_helper.to_array(tensor).astype(int)).max() for tensor in weights)
    assert largest > 32
    assert 2 * 255 * largest < 2**15


def test_products_before_the_bank_are_int8_and_nothing_else(graph, exported):
    network = exported(**SWITCHES, precision="int8")[1]
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    quantized = [
        node
        for node in graph.node
        if node.op_type != "DequantizeLinear"
        and "DequantizeLinear" in {made_by.get(name) for name in node.input}
    ]
    assert {node.op_type for node in quantized} <= {"MatMul", "Gemm"}
    # Four in a block (qkv, out, and two of the MLP), and the projection of CLS and of patches.
    assert len(quantized) == 4 * network.config.vision.layers + 2
    for node in quantized:
        assert {made_by.get(name) for name in node.input[:2]} == {"DequantizeLinear"}


def test_the_other_graphs_and_the_face_of_this_one_are_those_of_fp32(pair, graph):
    plain = onnx.load(pair[0] / "frame.onnx").graph
    assert list(plain.input) == list(graph.input)
    assert list(plain.output) == list(graph.output)
    for name in ("window.onnx", "text.onnx", "tokenizer.json", "bank.npz"):
        assert (pair[0] / name).read_bytes() == (pair[1] / name).read_bytes()
    assert Bundle.open(pair[1]).manifest.precision == "int8"


def test_a_network_that_int8_does_not_fit_is_no_bundle(make_request, tmp_path):
    request = make_request(**SWITCHES, precision="int8")
    hostile = dataclasses.replace(request, network=make_hostile(request.network))
    with pytest.raises(ParityError, match=r"No bundle was written\. Calibrate on more .* --fp16"):
        write_bundle(hostile, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_alone_it_is_calibrated_on_the_sample_clip_and_says_so(make_request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = make_request(**SWITCHES)
    save_run(request.network, request)
    result = CliRunner().invoke(main, ["--int8"])
    assert result.exit_code == 0, result.output
    assert "real video is unknown. Name videos of your own with --calibration" in result.output
    parity = json.loads(Path("runs/mine/bundle-int8/parity.json").read_text())
    assert parity["pictures"] == "frames of sample.mp4"
    assert parity["differences"]["frame.frame"]["relative"] > 1e-4


def test_videos_that_are_named_are_what_it_is_calibrated_on(make_request, tmp_path, monkeypatch):
    """A network that int8 does not fit: nothing is left but one sentence and exit code 3."""
    monkeypatch.chdir(tmp_path)
    request = make_request(**SWITCHES)
    save_run(make_hostile(request.network), request)
    write_video("noise.avi", 20)
    result = CliRunner().invoke(main, ["--int8", "--calibration", "noise.avi"])
    assert result.exit_code == 3, result.output
    assert "Warning" not in result.output
    assert "No bundle was written" in result.output
    assert "Traceback" not in result.output
    assert not Path("runs/mine/bundle-int8").exists()


def test_frames_are_dealt_in_turn_and_none_is_in_both_heaps():
    found = read_calibration([SAMPLE], size_px=32)
    assert found.frames_bhwc.shape[1:] == found.held_out_bhwc.shape[1:] == (32, 32, 3)
    assert FRAMES / 2 < len(found.frames_bhwc) <= FRAMES
    assert abs(len(found.frames_bhwc) - len(found.held_out_bhwc)) <= 1
    seen = {image.tobytes() for image in found.frames_bhwc}
    assert not seen & {image.tobytes() for image in found.held_out_bhwc}


def test_a_broken_video_is_named_and_left_out(tmp_path, caplog):
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    write_video(tmp_path / "whole.avi", 20)
    files = calibration_files(str(tmp_path))
    assert [Path(file).name for file in files] == ["broken.mp4", "whole.avi"]
    with caplog.at_level(logging.WARNING, "stzsar"):
        logging.getLogger("stzsar").propagate = True
        found = read_calibration(files, size_px=32)
    assert len(found.frames_bhwc) + len(found.held_out_bhwc) == 20
    assert "broken.mp4 is not a video" in caplog.text


def test_too_few_frames_are_refused(tmp_path):
    write_video(tmp_path / "short.avi", 15)
    with pytest.raises(SourceError, match="15 different frames are too few"):
        read_calibration(calibration_files(str(tmp_path)), size_px=32)
    for name in ("a.mp4", "short.avi"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceError, match="0 different frames are too few"):
        read_calibration(calibration_files(str(tmp_path)), size_px=32)


def test_the_only_video_says_itself_what_is_wrong_with_it(tmp_path):
    with pytest.raises(SourceError, match=r"Cannot read the video gone\.mp4"):
        read_calibration(calibration_files("gone.mp4"), size_px=32)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("0", "is live"), ("rtsp://camera/1", "is live"), (".", "holds no video")],
)
def test_what_has_no_end_or_no_video_is_refused(tmp_path, monkeypatch, source, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=sentence):
        calibration_files(source)


def test_of_many_videos_some_are_taken_evenly(tmp_path):
    for number in range(3 * FRAMES):
        (tmp_path / f"{number:04}.mp4").touch()
    taken = [int(Path(file).stem) for file in calibration_files(str(tmp_path))]
    assert (len(taken), taken[0], taken[-1]) == (FRAMES, 0, 3 * FRAMES - 1)
    assert set(np.diff(taken)) <= {2, 3, 4}


def test_real_clips_are_calibrated_on(shared_clips):
    files = calibration_files(str(shared_clips))[::16]
    found = read_calibration(files, size_px=32)
    assert len(found.frames_bhwc) > FRAMES / 2
    assert found.held_out_bhwc.std() > 20
