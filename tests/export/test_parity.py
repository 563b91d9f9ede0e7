"""The parity gate: what it measures, for each graph and end to end, and what it refuses."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from stzsar.export.parity import BOUNDS, Difference, ParityReport, compare, top1_agreement
from stzsar.models.label_texts import to_tensors
from stzsar.runtime.atomic import written_whole
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.errors import ParityError
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.scoring.scorer import softmax

SAME = Difference(0.0, 0.0, 1.0)
AGREED = {"window": 1.0, "end to end": 1.0}


def report(name="window.logits", found=SAME, *, precision="fp32", agreement=AGREED):
    return ParityReport(precision, {name: found}, agreement, 64, "drawn pictures")


def compare_folder(folder, network):
    bank = Bundle.open(folder).bank
    return compare(folder, network, bank, precision="fp32", window_frames=4)


def copy_with_larger_weight(folder, copy, name):
    """Copy a bundle with the largest weight of one graph made half as large again."""
    with written_whole(copy) as staging:
        for path in folder.iterdir():
            (staging / path.name).write_bytes(path.read_bytes())
        model = onnx.load(staging / name)
        weight = max(model.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
        values = numpy_helper.to_array(weight) * np.float32(1.5)
        weight.CopyFrom(numpy_helper.from_array(values, weight.name))
        onnx.save(model, staging / name)


def test_each_graph_and_the_whole_pipeline_are_compared(exported):
    folder, network = exported(interaction="product", temporal=True)
    found = compare_folder(folder, network)
    found.check()
    assert set(found.differences) == {
        "frame.frame", "frame.spatial", "frame.patch_embeddings", "state.spatial",
        "window.logits", "window.scores", "window.saliency",
        "end to end.logits", "end to end.scores", "end to end.saliency", "text.embeddings",
    }  # fmt: skip
    assert all(d.relative <= 1e-4 for d in found.differences.values())
    assert found.differences["frame.frame"].relative > 0  # two computations, and not one twice


def test_guided_weights_pass_the_gate_in_half_precision(exported):
    """A softmax at τ 0.01 is the sharpest that there is; an export that fails raises."""
    switches = {"interaction": "product", "frame_weights": "both", "temporal": False}
    folder, _ = exported(**switches, precision="fp16")
    assert json.loads((folder / "parity.json").read_text())["precision"] == "fp16"


def test_end_to_end_goes_from_pixels_to_the_softmax_of_the_logits(exported):
    """The largest difference of the scores, put together by hand from the graphs and torch."""
    folder, network = exported(interaction="product", temporal=True)
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    bundle = Bundle.open(folder)
    found = compare(
        folder, network, bundle.bank, precision="fp32", window_frames=4, images_bhwc=images
    )
    recognizer = Recognizer.load(folder)
    differences = []
    for chosen in np.random.default_rng(1).integers(5, size=(64, 4)):
        states = {
            key: value[None] for key, value in recognizer.scorer.encode(images[chosen]).items()
        }
        with torch.no_grad():
            video = torch.from_numpy(images[chosen][None])
            expected = network(video, to_tensors(bundle.bank))[0].numpy()
        differences.append(
            np.abs(softmax(recognizer.scorer.score(states)[0][0]) - softmax(expected))
        )
    assert found.differences["end to end.scores"].absolute == pytest.approx(
        np.max(differences), abs=2e-6
    )


def test_what_is_wrong_in_one_graph_shows_there_and_end_to_end_only(exported, tmp_path):
    """One window graph and one frame graph with a wrong weight, each in a bundle of its own."""
    folder, network = exported(interaction="product", temporal=True)
    for graph in ("window", "frame"):
        copy_with_larger_weight(folder, tmp_path / graph, f"{graph}.onnx")
        bank = Bundle.open(folder).bank
        found = compare(tmp_path / graph, network, bank, precision="fp32", window_frames=4)
        wrong = {name.split(".")[0] for name, d in found.differences.items() if d.relative > 1e-3}
        assert wrong == {graph, "end to end"}


def test_the_report_is_written_as_it_is_shown(exported, tmp_path):
    folder, network = exported(interaction="product", temporal=True)
    found = compare_folder(folder, network)
    found.save(tmp_path / "parity.json")
    written = json.loads((tmp_path / "parity.json").read_text())
    assert {**written, "of_engines": False} == dataclasses.asdict(found)
    shown = [str(cell) for cell in found.table().columns[0].cells]
    assert shown == [*found.differences, *(f"{graph}: same label" for graph in AGREED)]


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("window.logits", Difference(0, 2e-4, 1.0)),
        ("window.logits", Difference(0, 0.0, 0.99)),
        ("window.logits", Difference(0, float("nan"), 1)),
        ("end to end.scores", Difference(2e-3, 0, 1)),
        ("end to end.scores", Difference(float("nan"), 0, 1)),
    ],
)
def test_the_gate_closes(name, bad):
    report(name).check()
    with pytest.raises(ParityError, match=f"^{name}: .*No bundle was written"):
        report(name, bad).check()


@pytest.mark.parametrize("graph", ["window", "end to end"])
@pytest.mark.parametrize("share", [63 / 64, float("nan")])
def test_the_gate_closes_on_another_best_label(graph, share):
    with pytest.raises(ParityError, match=f"^{graph}: .*another best label"):
        report(agreement=AGREED | {graph: share}).check()


def test_differences_are_relative_to_the_largest_value():
    found = Difference.between(
        np.array([[1.0, 2.0], [0.0, 4.0]]), np.array([[1.0, 2.0], [0.4, 4.0]])
    )
    assert found.absolute == pytest.approx(0.4)
    assert found.relative == pytest.approx(0.1)
    assert found.cosine == pytest.approx(4 / np.hypot(0.4, 4))


def test_single_numbers_are_compared_as_one_direction():
    """One label with one attribute: a similarity about zero may have either sign."""
    torchs = np.array([[0.3], [1e-9], [0.2]])
    assert Difference.between(torchs - 2e-9, torchs).cosine == pytest.approx(1)
    assert Difference.between(-torchs, torchs).cosine == pytest.approx(-1)


def test_only_ties_may_have_another_winner():
    torchs = np.array([[1.0, 0.5], [1.0, 1.0 - 1e-9], [0.2, 0.4]])
    ours = np.array([[9.0, 1.0], [1.0, 2.0], [5.0, 4.0]])
    assert top1_agreement(ours, torchs, tie=1e-6) == pytest.approx(2 / 3)


def test_the_graphs_that_int8_leaves_alone_are_held_to_the_bounds_of_fp32():
    coarse = Difference(0, BOUNDS["int8"].relative / 2, 0.9999)
    report("frame.frame", coarse, precision="int8").check()
    for name in ("window.logits", "text.embeddings"):
        with pytest.raises(ParityError, match=name):
            report(name, coarse, precision="int8").check()
