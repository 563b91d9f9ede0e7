"""What training does to pictures: the same to a whole clip, and nothing in evaluation."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.sources.clips import read_clip
from stzsar.train.data.augment import Augmentation
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.videos import VideoFiles
from stzsar.train.lists.clip import Clip

SIZE = 32


def looks(count, **options):
    rng = np.random.default_rng(0)
    return [Augmentation(SIZE, **options).draw(rng) for _ in range(count)]


def ramp(height=48, width=64):
    """A picture whose blue says where from left to right a pixel lies, and whose green how deep."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, width)[None]
    picture[..., 1] = np.linspace(0, 255, height)[:, None]
    return picture


@pytest.mark.parametrize(("height", "width"), [(240, 320), (320, 240), (7, 5000), (1, 1), (64, 64)])
def test_every_crop_lies_within_the_picture(height, width):
    for look in looks(200):
        top, left, crop_h, crop_w = look.box(height, width)
        assert 0 <= top <= top + crop_h <= height
        assert 0 <= left <= left + crop_w <= width
        assert min(crop_h, crop_w) >= 1


def test_crops_have_the_areas_and_aspects_of_the_recipe():
    boxes = np.array([look.box(240, 320) for look in looks(4000)])
    areas = boxes[:, 2] * boxes[:, 3] / (240 * 320)
    aspects = boxes[:, 3] / boxes[:, 2]
    assert 0.079 <= areas.min() < 0.1
    assert areas.max() > 0.9
    assert 0.74 <= aspects.min() < 0.77
    assert 1.3 < aspects.max() <= 1.35
    square = [look.box(240, 240) for look in looks(4000)]
    assert abs(np.mean([width > height for _, _, height, width in square]) - 0.5) < 0.05
    # They reach every edge.
    assert boxes[:, 0].min() == boxes[:, 1].min() == 0
    assert (boxes[:, 0] + boxes[:, 2]).max() == 240
    assert (boxes[:, 1] + boxes[:, 3]).max() == 320


def test_clips_are_mirrored_and_grey_as_often_as_they_should_be():
    many = looks(4000)
    assert abs(np.mean([look.mirrored for look in many]) - 0.5) < 0.03
    assert abs(np.mean([look.grey for look in many]) - 0.2) < 0.03
    assert not any(look.mirrored or look.grey for look in looks(200, flip=0, grey=0))
    assert all(look.mirrored and look.grey for look in looks(200, flip=1, grey=1))


def test_a_mirrored_clip_is_the_same_crop_the_other_way_round():
    plain, mirrored = looks(1, flip=0, grey=0)[0], looks(1, flip=1, grey=0)[0]
    assert plain.box(48, 64) == mirrored.box(48, 64)
    assert (plain(ramp())[:, ::-1] == mirrored(ramp())).all()
    assert plain(ramp())[:, 0, 0].mean() < plain(ramp())[:, -1, 0].mean()


def test_a_grey_clip_has_three_equal_channels():
    (look,) = looks(1, grey=1)
    picture = look(ramp())
    assert picture.shape == (SIZE, SIZE, 3)
    assert (picture == picture[..., :1]).all()


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for _ in range(12):
        writer.write(ramp())
    writer.release()
    return path


def dataset(clip, **options):
    return VideoFiles(
        [Clip(clip, "still")], as_labels(["still"]), frames=4, size_px=SIZE, **options
    )


def test_all_frames_of_a_clip_are_looked_at_in_one_way(clip):
    augmented = dataset(clip, augmentation=Augmentation(SIZE))
    for draw in range(8):
        frames = augmented[ClipRequest(0, draw)].frames
        assert all(frame.equal(frames[0]) for frame in frames)


def test_a_request_is_augmented_as_it_was_before_and_another_otherwise(clip):
    one, other = (dataset(clip, augmentation=Augmentation(SIZE)) for _ in range(2))
    draws = [one[ClipRequest(0, draw)].frames for draw in range(8)]
    again = [other[ClipRequest(0, draw)].frames for draw in reversed(range(8))]
    assert all(a.equal(b) for a, b in zip(draws, reversed(again), strict=True))
    assert len({tuple(frames.flatten().tolist()) for frames in draws}) == 8


def test_evaluation_takes_the_middle_frames_of_the_centre_whatever_is_drawn(clip):
    seen = [dataset(clip, training=False)[ClipRequest(0, draw)].frames for draw in range(3)]
    usual = read_clip(clip, frames=4, size_px=SIZE).images_thwc
    assert all((frames.numpy() == usual).all() for frames in seen)
    with pytest.raises(ValueError, match="evaluation takes no augmentation"):
        dataset(clip, training=False, augmentation=Augmentation(SIZE))
