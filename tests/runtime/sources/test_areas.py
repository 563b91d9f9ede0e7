"""Areas in shares of the picture, and masks that hide them whole."""

import numpy as np
import pytest

from stzsar.runtime.sources.areas import Mask, Region, area_of, inside, tiles


def hidden(*areas, size_hw=(100, 200)):
    image = Mask(tuple(map(area_of, areas))).hide(np.full((*size_hw, 3), 255, np.uint8))
    return image[:, :, 0] == 0


def test_a_box_hides_all_of_itself_and_nothing_else():
    found = hidden([0.1, 0.2, 0.5, 0.6])
    assert found[20:60, 20:100].all()
    assert found.sum() == 40 * 80


def test_a_box_between_pixels_hides_those_that_it_touches():
    found = hidden([0.101, 0.201, 0.499, 0.599], size_hw=(10, 10))
    assert found[2:6, 1:5].all()
    assert found.sum() == 16
    assert hidden([0.999, 0.999, 1, 1], size_hw=(10, 10)).sum() == 1


def test_a_polygon_hides_every_pixel_that_it_touches():
    corners = [[0.5, 0.1], [0.9, 0.9], [0.1, 0.9]]
    found = hidden(corners)
    ys, xs = np.mgrid[0:100, 0:200]
    x, y = (xs + 0.5) / 200, (ys + 0.5) / 100
    # Half-planes of the triangle.
    exact = (y <= 0.9) & (x - 0.5 <= 0.5 * (y - 0.1)) & (0.5 - x <= 0.5 * (y - 0.1))
    assert (exact <= found).all()
    assert found.sum() < exact.sum() * 1.15


def test_several_areas_and_a_picture_that_may_not_be_written():
    image = np.full((10, 10, 3), 255, np.uint8)
    image.flags.writeable = False
    found = Mask((area_of([0, 0, 0.5, 0.5]), area_of([0.5, 0.5, 1, 1]))).hide(image)
    assert (found == 0).all(2).sum() == 50
    assert image.all()


def test_pixels_of_a_polygon_are_counted_once_for_each_size():
    area = area_of([[0, 0], [1, 0], [1, 1]])
    assert inside(area, 10, 20) is inside(area, 10, 20)
    assert inside(area, 20, 10).shape == (20, 10)


@pytest.mark.parametrize(
    "value",
    [[0, 0, 1], [0.5, 0, 0.2, 1], [0, 0, 1, 1.1], [[0, 0], [1, 1]], [[0, 0], [1, 1], [2, 0]],
     "box", [True, 0, 1, 1], [[0, 0]] * 101, [[0, 0], [1, 1], [0]], None, [float("nan")] * 4],
)  # fmt: skip
def test_what_is_no_area_is_refused(value):
    with pytest.raises(ValueError, match="an area is a box"):
        area_of(value)


def test_a_wide_region_is_cut_whole_with_its_aspect_kept():
    image = np.zeros((100, 200, 3), np.uint8)
    image[40:60, 20:180] = 200
    image[50:60, 20:30] = 255
    cut = Region("strip", area_of([0.1, 0.4, 0.9, 0.6])).cut(image)

    assert cut.shape == (160, 160, 3)
    assert (cut[70:90] >= 200).all()
    assert not cut[:70].any()
    assert not cut[90:].any()
    assert (cut[80:90, :10] == 255).all()


def test_a_polygon_shows_nothing_beside_itself():
    image = np.full((100, 100, 3), 255, np.uint8)
    cut = Region("corner", area_of([[0, 0], [1, 0], [0, 1]])).cut(image)
    assert cut.shape == (100, 100, 3)
    assert cut[10, 10].all()
    assert not cut[90, 90].any()
    assert image.all()


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (3, 2), (8, 1)])
def test_tiles_cover_the_picture_and_overlap_by_half(columns, rows):
    found = tiles(columns, rows)
    assert len({region.name for region in found}) == columns * rows
    seen = np.zeros((240, 360), int)
    for region in found:
        top, left, bottom, right = region.area.bounds(240, 360)
        seen[top:bottom, left:right] += 1
    assert seen.min() >= 1
    assert seen.max() <= 9
    if columns > 1:
        assert (seen[0] >= 2).mean() > 0.4
