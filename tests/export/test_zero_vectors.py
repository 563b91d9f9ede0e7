"""Vectors of zeros, which have no direction: a similarity of 0, and never NaN, in any precision.

PyTorch keeps from dividing by zero with an epsilon of 1e-12, which is 0 in fp16.
"""

import numpy as np
import onnx
import pytest
import torch

from stzsar.export.fp16 import to_fp16
from stzsar.export.graphs import BANK_INPUTS, frame_spec
from stzsar.export.int8 import to_int8
from stzsar.export.to_onnx import trace
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.engines.opening import open_graph

PRECISIONS = pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
SWITCHES = {"interaction": "product", "temporal": True}


def window_graph(exported, precision):
    folder, _ = exported(**SWITCHES, precision=precision)
    return open_graph(folder / "window.onnx"), Bundle.open(folder).bank.arrays()


@PRECISIONS
def test_frames_without_an_embedding_score_0_and_count_alike(exported, precision):
    """A window of zero states; frames of which none is salient share the saliency evenly."""
    graph, bank = window_graph(exported, precision)
    states = {"frame": np.zeros((1, 4, 32), np.float32), "spatial": np.zeros((1, 4, 4), np.float32)}
    found = graph(states | bank)
    np.testing.assert_array_equal(found["logits"], np.zeros((1, 4)))
    assert np.isfinite(found["saliency"]).all()
    np.testing.assert_allclose(found["saliency"].sum(-1), 1, atol=1e-5)


@PRECISIONS
def test_a_label_without_an_embedding_scores_0(exported, precision):
    graph, bank = window_graph(exported, precision)
    bank["class_embeddings"] = np.zeros_like(bank["class_embeddings"])
    bank["attribute_embeddings"] = np.zeros_like(bank["attribute_embeddings"])
    states = {"frame": np.ones((1, 4, 32), np.float32), "spatial": np.ones((1, 4, 4), np.float32)}
    found = graph(states | bank)
    np.testing.assert_array_equal(found["logits"], np.zeros((1, 4)))
    np.testing.assert_allclose(found["saliency"], 0.25, atol=1e-6)


@PRECISIONS
def test_attributes_without_an_embedding_are_like_nothing(exported, precision):
    folder, _ = exported(**SWITCHES, precision=precision)
    bank = Bundle.open(folder).bank.arrays()
    bank["attribute_embeddings"][2] = 0
    black = np.zeros((2, 32, 32, 3), np.uint8)
    found = open_graph(folder / "frame.onnx")({"frames": black} | bank)
    assert all(np.isfinite(value).all() for value in found.values())
    np.testing.assert_array_equal(found["spatial"][:, 2], 0)
    assert (found["spatial"][:, [0, 1, 3]] != 0).all()


@pytest.mark.parametrize("temporal", [True, False])
def test_a_picture_whose_embedding_is_zero_is_like_nothing(
    make_network, calibration, tmp_path, temporal
):
    """A projection of zeros makes every frame and every patch a zero vector inside the graph."""
    network = make_network(interaction="product", temporal=temporal)
    with torch.no_grad():
        network.visual.proj.zero_()
    spec = frame_spec(network)
    bank = {name: spec.inputs[name].numpy() for name in BANK_INPUTS}
    plain = trace(spec)
    models = {
        "fp32": plain,
        "fp16": to_fp16(plain),
        "int8": to_int8(plain, calibration.frames_bhwc, bank),
    }
    for precision, model in models.items():
        onnx.save(model, tmp_path / f"{precision}.onnx")
        feeds = {"frames": calibration.frames_bhwc[:3]} | bank
        for name, value in open_graph(tmp_path / f"{precision}.onnx")(feeds).items():
            np.testing.assert_array_equal(value, np.zeros_like(value), f"{precision} {name}")
