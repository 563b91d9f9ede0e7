import numpy as np
import pytest

from stzsar.runtime.preprocessing.pixels import fit_frame


@pytest.mark.parametrize(
    "size_hw", [(1, 1), (1, 5000), (5000, 1), (2, 3), (240, 320), (320, 240), (16, 16), (17, 16)]
)
def test_any_picture_becomes_a_square_of_its_own_colour(size_hw):
    square = fit_frame(np.full((*size_hw, 3), (10, 20, 30), np.uint8), 16)

    assert square.shape == (16, 16, 3)
    assert square.dtype == np.uint8
    assert (square == (10, 20, 30)).all()


def test_the_centre_is_kept_and_the_sides_are_cut():
    image = np.zeros((10, 30, 3), np.uint8)
    image[:, 10:20] = 255

    assert (fit_frame(image, 5) == 255).all()


def test_shrinking_averages_and_does_not_alias():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200

    assert (fit_frame(stripes, 8) == 100).all()


def test_the_result_is_never_a_view_of_the_picture():
    image = np.zeros((8, 8, 3), np.uint8)

    square = fit_frame(image, 8)
    image[:] = 255

    assert (square == 0).all()
    assert square.flags.c_contiguous


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(image):
    with pytest.raises(ValueError, match="frame"):
        fit_frame(image, 8)
