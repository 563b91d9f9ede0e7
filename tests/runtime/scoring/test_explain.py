"""Explanations: which frame, patch and attribute spoke for a label, and how that is drawn."""

import json

import cv2
import numpy as np
import pytest

from stzsar.runtime.drawing.heat_map import draw_heat_map
from stzsar.runtime.errors import BundleError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.preprocessing.pixels import fit_frame
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.results import Explanation, FrameReason
from stzsar.runtime.scoring.explain import explain
from stzsar.runtime.scoring.window import FrameRing

LABEL = Label("swing", attributes=("rope", "seat"))
WORDS = np.eye(3, dtype=np.float32)[:2]
TIMES = (0.0, 0.25, 0.5, 0.75)


def explain_patches(patches_pd, grid=(2, 3)):
    return explain(
        LABEL,
        WORDS,
        saliency_t=np.ones(1, np.float32),
        patches_tpd=np.asarray(patches_pd, np.float32)[None],
        times_s=(1.5,),
        grid=grid,
    )


def recognize(recognizer, images):
    states = recognizer.scorer.encode(np.stack(images), features=True)
    return recognizer.scorer.recognize("here", FrameRing.of(states, TIMES), explained=True)


def test_the_winner_is_the_largest_cosine_of_any_patch_with_any_attribute():
    """Patches of any length, counted row by row; the seat is seen in row 1, column 0."""
    patches = [[0, 0, 1], [1, 0, 9], [0, 0, 1], [0.1, 7, 0], [2, 0, 2], [0, 0, 1]]
    (reason,) = explain_patches(patches).frames

    assert reason.attribute == "seat"
    assert reason.patch == (1, 0)
    assert reason.similarity == pytest.approx(7 / np.hypot(0.1, 7))
    expected = [[0, 1 / np.hypot(1, 9), 0], [7 / np.hypot(0.1, 7), np.sqrt(0.5), 0]]
    np.testing.assert_allclose(reason.heat, expected, atol=1e-6)
    assert reason.time_s == 1.5


def test_a_patch_of_zeros_fits_nothing():
    (reason,) = explain_patches(np.zeros((6, 3))).frames
    assert reason.similarity == 0
    assert np.count_nonzero(reason.heat) == 0


def test_patches_that_are_no_grid_are_refused():
    with pytest.raises(ValueError, match="6 patches do not fill a grid of 2 x 2"):
        explain_patches(np.zeros((6, 3)), grid=(2, 2))


def test_each_frame_of_a_window_tells_where_the_attribute_was(recognizer, picture):
    """A sky-blue quarter goes round in green pictures; the label blue has the attribute sky."""
    images = []
    for row, column in ((0, 0), (0, 1), (1, 1), (1, 0)):
        image = picture("blue", 16, 16)
        image[:] = (255, 60, 0)
        image[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = (255, 51, 0)
        images.append(image)
    found = recognize(recognizer, images)

    assert found.explanation is not None
    assert found.explanation.label == found.label == "blue"
    assert [f.patch for f in found.explanation.frames] == [(0, 0), (0, 1), (1, 1), (1, 0)]
    assert {f.attribute for f in found.explanation.frames} == {"sky"}
    assert [f.time_s for f in found.explanation.frames] == list(TIMES)
    assert sum(f.weight for f in found.explanation.frames) == pytest.approx(1)


def test_weights_are_the_saliency_of_the_label(recognizer, picture):
    images = [fit_frame(picture(c), 16) for c in ("red", "red", "blue", "red")]
    found = recognize(recognizer, images)
    assert found.explanation is not None
    weights = [frame.weight for frame in found.explanation.frames]
    assert found.label == "red"
    assert weights[2] < min(weights[:2])
    assert weights[0] == weights[1] == weights[3]


def test_nothing_is_explained_that_nobody_asked_for(recognizer, picture):
    states = recognizer.scorer.encode(np.stack([fit_frame(picture("red"), 16)] * 4))
    assert set(states) == {"colour", "closeness"}
    found = recognizer.scorer.recognize("here", FrameRing.of(states, TIMES))
    assert found.explanation is None
    assert "explanation" not in json.loads(found.to_json())


def test_asking_for_features_changes_no_score(recognizer, picture):
    images = [fit_frame(picture(c), 16) for c in ("red", "green", "blue", "red")]
    plain = recognizer.scorer.encode(np.stack(images))
    rich = recognizer.scorer.encode(np.stack(images), features=True)
    for name, value in plain.items():
        np.testing.assert_array_equal(value, rich[name])


def test_a_bundle_without_patches_says_how_to_get_them(own_bundle, rewrite_manifest, picture):
    rewrite_manifest(own_bundle, features=[], patch_grid=None)
    recognizer = Recognizer.load(own_bundle)
    with pytest.raises(BundleError, match=r"has no features.*export it again\.$"):
        recognize(recognizer, [fit_frame(picture("red"), 16)])


def test_a_bundle_that_never_looks_at_patches_says_so(own_bundle, rewrite_manifest, picture):
    rewrite_manifest(
        own_bundle,
        features=["frame_embedding"],
        patch_grid=None,
        model={"head": {"interaction": "off"}},
    )
    recognizer = Recognizer.load(own_bundle)
    with pytest.raises(BundleError, match="does not use patches"):
        recognize(recognizer, [fit_frame(picture("red"), 16)] * 4)


def test_a_grid_that_is_not_that_of_the_graph_is_refused(own_bundle, rewrite_manifest, picture):
    rewrite_manifest(own_bundle, patch_grid=[7, 7])
    recognizer = Recognizer.load(own_bundle)
    with pytest.raises(BundleError, match="4 patches, not a grid of"):
        recognize(recognizer, [fit_frame(picture("red"), 16)] * 4)


def reason(heat, patch, attribute="rope"):
    return Explanation(
        "swing", (FrameReason(0.0, 1.0, attribute, 0.3, patch, tuple(map(tuple, heat))),)
    )


def test_heat_covers_the_square_that_the_network_sees_and_nothing_beside_it():
    image = np.full((240, 400, 3), 100, np.uint8)
    draw_heat_map(image, reason([[0.1, 0.1], [0.1, 0.3]], (1, 1), attribute="r"))
    assert (image[:, :80] == 100).all()
    assert (image[:100, 320:] == 100).all()  # above the words of the patch
    warm, cold = image[200, 290].astype(int), image[40, 100].astype(int)
    assert warm.sum() > cold.sum() + 100
    # The frame of the winning patch: the lower right quarter.
    assert (image[120, 210:310] == 255).all()
    assert not (image[119, 210:310] == 255).any()


def test_similarities_that_hardly_differ_are_not_blown_up():
    image = np.full((300, 300, 3), 100, np.uint8)
    draw_heat_map(image, reason([[0.2, 0.2001], [0.2, 0.2]], (0, 1), attribute="r"))
    inside = image[200:290, 10:290].astype(int)
    assert np.ptp(inside) <= 3


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (48, 64)])
def test_pictures_of_any_size_are_drawn_on(size):
    image = np.zeros((*size, 3), np.uint8)
    draw_heat_map(image, reason(np.eye(7) / 5, (6, 6), attribute="naïve 弓 " + "x" * 300))
    assert image.shape == (*size, 3)


def test_a_frame_at_any_border_of_the_picture_has_its_words_inside():
    for patch in ((0, 0), (0, 6), (6, 0), (6, 6)):
        bare, named = (np.zeros((240, 240, 3), np.uint8) for _ in range(2))
        draw_heat_map(bare, reason(np.zeros((7, 7)), patch, attribute=""))
        draw_heat_map(named, reason(np.zeros((7, 7)), patch, attribute="both hands"))
        changed = cv2.absdiff(bare, named).any(2)
        assert changed.sum() > 100
