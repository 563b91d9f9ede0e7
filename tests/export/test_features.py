"""Features: what frame.onnx gives beside states, what state.onnx makes of it, and explanations."""

import numpy as np
import pytest
import torch

from stzsar.export.write_bundle import write_bundle
from stzsar.models.label_texts import embed_labels, to_tensors
from stzsar.runtime.bundle.bundle import STATE_GRAPH, Bundle
from stzsar.runtime.engines.opening import open_graph
from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.scoring.window import FrameRing

FRAMES = np.random.default_rng(3).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
PATCHED = [
    {"interaction": "product", "temporal": True},
    {"interaction": "product", "temporal": False},
    {"interaction": "product", "temporal": True, "frame_weights": "both"},
]
SWITCHES = [
    ({"interaction": "product", "temporal": True}, ("patch_embeddings",)),
    ({"interaction": "product", "temporal": False}, ("frame_embedding", "patch_embeddings")),
    ({"interaction": "mean", "temporal": False, "patch_path": "value"}, ("frame_embedding",)),
    ({"interaction": "product", "temporal": True, "frame_weights": "both"}, ("patch_embeddings",)),
]
MORE_SWITCHES = [
    (
        {"interaction": "residual", "temporal": False, "projections": True},
        ("frame_embedding", "patch_embeddings"),
    ),
    ({"interaction": "off", "temporal": False}, ("frame_embedding",)),
    ({"interaction": "off", "temporal": False, "frame_weights": "guided"}, ("frame_embedding",)),
]
SWITCHES += [pytest.param(*both, marks=pytest.mark.slow) for both in MORE_SWITCHES]
PATCHED += [pytest.param(MORE_SWITCHES[0][0], marks=pytest.mark.slow)]


@pytest.mark.parametrize(("switches", "names"), SWITCHES, ids=str)
def test_features_make_the_states_of_labels_that_the_frames_never_met(exported, switches, names):
    """Encode with one set of labels, put others to the features: as if encoded with those."""
    folder, network = exported(**switches)
    bundle = Bundle.open(folder)
    assert bundle.manifest.features == names
    bank = embed_labels(network, as_labels([f"action number {i}" for i in range(7)]))
    features = Recognizer.load(folder).scorer.encode(FRAMES, features=True)

    found = open_graph(folder / STATE_GRAPH)({**features, **bank.arrays()})

    with torch.no_grad():
        expected = network.encode_frames(torch.from_numpy(FRAMES), to_tensors(bank))
    assert set(found) == set(bundle.manifest.label_states) == set(expected) - {"frame"}
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name].numpy(), atol=1e-5)


def test_states_that_know_no_labels_need_no_state_graph(exported):
    """With a temporal transformer and no patches the frame embedding is all of the state."""
    folder, _ = exported(interaction="off", temporal=True)
    bundle = Bundle.open(folder)
    assert not (folder / STATE_GRAPH).exists()
    assert (bundle.manifest.states, bundle.manifest.label_states) == (("frame",), ())
    assert Recognizer.load(bundle).scorer.encode(FRAMES, features=True).keys() == {"frame"}


@pytest.mark.parametrize("switches", PATCHED, ids=str)
def test_the_similarity_of_an_explanation_is_f_of_the_state(exported, switches):
    """Plain numpy finds what the graph finds."""
    check_similarities(exported(**switches)[0])


def test_learned_projections_are_in_the_patches_that_are_given(make_request, tmp_path):
    """Between the patches and their similarities lies a map that numpy does not know."""
    request = make_request(interaction="product", temporal=False, projections=True)
    with torch.no_grad():
        for delta in (request.network.head.patch_delta, request.network.head.frame_delta):
            delta.normal_(std=0.3)
    write_bundle(request, tmp_path / "bundle")
    check_similarities(tmp_path / "bundle")


def check_similarities(folder):
    scorer = Recognizer.load(folder).scorer
    states = scorer.encode(FRAMES, features=True)

    found = scorer.recognize("here", FrameRing.of(states, range(5)), explained=True)

    assert found.explanation is not None
    best = [label.name for label in scorer.labels].index(found.label)
    similarities = [frame.similarity for frame in found.explanation.frames]
    np.testing.assert_allclose(similarities, states["spatial"][:, best], atol=1e-5)
    saliency = scorer.score({name: state[None] for name, state in states.items()})[1][0, best]
    np.testing.assert_array_equal([f.weight for f in found.explanation.frames], saliency)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_features_are_fp32_at_the_boundary_and_near_those_of_torch(exported, precision):
    folder, network = exported(interaction="product", temporal=True, precision=precision)
    scorer = Recognizer.load(folder).scorer
    found = scorer.encode(FRAMES, features=True)["patch_embeddings"]
    with torch.no_grad():
        bank = to_tensors(scorer.bank)
        _, features = network.encode_with_features(torch.from_numpy(FRAMES), bank)
    expected = features["patch_embeddings"].numpy()
    assert found.dtype == np.float32
    lengths = np.linalg.norm(found, axis=-1) * np.linalg.norm(expected, axis=-1)
    assert ((found * expected).sum(-1) / lengths).min() > 0.99


def test_windows_and_patches_are_said_in_the_manifest(exported, make_request):
    temporal = Bundle.open(exported(interaction="product", temporal=True)[0]).manifest
    plain = Bundle.open(exported(interaction="off", temporal=False)[0]).manifest
    assert (temporal.sampling.max_frames, temporal.patch_grid) == (8, (4, 4))
    assert (plain.sampling.max_frames, plain.patch_grid) == (256, None)
