"""A circle stays one, from a file of oblong pixels to the network and the annotated video."""

from fractions import Fraction

import numpy as np
import pytest

from stzsar.runtime.sources.clips import read_clip
from stzsar.runtime.sources.uri import open_source
from stzsar.runtime.video.pixel_aspect import square_size, stretched

# Stored size, pixel aspect: two of real clips, DV of PAL, and pixels that are too high.
STORED = [
    ((340, 256), (64, 51)),
    ((318, 238), (4, 3)),
    ((720, 576), (16, 15)),
    ((320, 240), (1, 2)),
]


@pytest.fixture
def circle_clip(tmp_path, ffmpeg):
    """Make a clip of a white disc in the middle, round where its pixels have their aspect."""

    def make(stored, aspect, name="circle.mp4", share=0.3):
        (width, height), (wide, high) = stored, aspect
        disc = f"hypot((X-{width / 2})*{wide / high},Y-{height / 2})"
        radius = share * min(width * wide / high, height)
        ffmpeg(
            "-f", "lavfi", "-i", f"color=black:s={width}x{height}:r=8:d=1", "-vf",
            f"geq=lum='if(lt({disc},{radius}),255,0)':cb=128:cr=128,setsar={wide}/{high}",
            "-c:v", "mpeg4", "-q:v", 2, "-pix_fmt", "yuv420p", tmp_path / name,
        )  # fmt: skip
        return tmp_path / name

    return make


def extent(image_hwc):
    """Return width and height of what is bright."""
    ys, xs = np.nonzero(image_hwc.mean(-1) > 128)
    return np.ptp(xs) + 1, np.ptp(ys) + 1


def assert_round(image_hwc):
    width, height = extent(image_hwc)
    assert width == pytest.approx(height, abs=0.02 * height + 1)
    assert width > 20


@pytest.mark.parametrize(("stored", "aspect"), STORED)
def test_a_circle_is_round_for_the_network_and_in_every_frame(circle_clip, decoder, stored, aspect):
    path = circle_clip(stored, aspect)

    clip = read_clip(path, frames=2, size_px=112)
    source = open_source(path)
    frame = next(source.frames()).image_hwc

    assert_round(clip.images_thwc[0])
    assert_round(frame)
    width, height = stored
    assert frame.shape[1::-1] == source.size_wh == square_size(width, height, Fraction(*aspect))
    source.close()


@pytest.mark.parametrize("name", ["circle.mkv", "circle.avi", "circle.mov"])
def test_other_containers_say_the_aspect_too(circle_clip, decoder, name):
    assert_round(
        read_clip(circle_clip((340, 256), (64, 51), name), frames=1, size_px=112).images_thwc[0]
    )


def test_a_turned_clip_is_turned_and_stretched(circle_clip, decoder, ffmpeg, tmp_path):
    path = circle_clip((340, 256), (64, 51))
    turned = tmp_path / "turned.mp4"
    ffmpeg("-i", path, "-c", "copy", "-metadata:s:v:0", "rotate=90", turned)
    source = open_source(turned)
    if source.size_wh[0] > source.size_wh[1]:
        pytest.skip("this ffmpeg does not turn by metadata")

    frame = next(source.frames()).image_hwc

    assert frame.shape == (427, 256, 3)
    assert source.size_wh == (256, 427)
    assert_round(frame)


def test_a_circle_is_round_in_the_annotated_video(circle_clip, bundle, run_cli, tmp_path):
    path = circle_clip((340, 256), (64, 51), share=0.2)
    out = tmp_path / "out.mp4"

    result = run_cli("--source", path, "--bundle", bundle, "--video", out)

    assert result.exit_code == 0, result.stderr
    frame = next(open_source(out).frames()).image_hwc
    height, width = frame.shape[:2]
    assert width / height == pytest.approx(4 / 3 * (427 / 341.3), rel=0.02)
    # The middle, where no words are drawn.
    middle = frame[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
    white = (middle.min(-1) > 200).astype(np.uint8)
    row, column = white[white.shape[0] // 2], white[:, white.shape[1] // 2]
    assert row.sum() == pytest.approx(column.sum(), rel=0.05)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (None, (320, 240)),
        (Fraction(1), (320, 240)),
        (Fraction(2), (640, 240)),
        (Fraction(1, 2), (320, 480)),
        (Fraction(0), (320, 240)),
        (Fraction(5), (320, 240)),
        (Fraction(1, 1000), (320, 240)),
        (Fraction(640, 639), (320, 240)),
        (Fraction(2043, 2048), (320, 240)),
    ],
)
def test_nonsense_is_taken_for_square_and_nothing_shrinks(aspect, size):
    assert square_size(320, 240, aspect) == size


def test_square_pixels_are_not_touched():
    image = np.zeros((4, 6, 3), np.uint8)

    assert stretched(image, (6, 4)) is image
