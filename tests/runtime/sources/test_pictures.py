"""Folders and patterns of pictures are clips, as videos of the same frames are."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources.clips import read_clip
from stzsar.runtime.sources.uri import expand_sources, open_source
from stzsar.runtime.sources.video_file import VideoSource
from stzsar.runtime.video.pictures import picture_files


@pytest.fixture
def frames(tmp_path, picture):
    """Draw twelve pictures: red ones, then blue ones, numbered without leading zeros."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(12):
        cv2.imwrite(str(folder / f"{number}.png"), picture("red" if number < 6 else "blue"))
    return folder


def numbers(files):
    return [int(file.stem) for file in files]


@pytest.mark.parametrize("name", ["frames", "frames/*.png", "frames/%d.png", "f*/*"])
def test_every_way_to_name_pictures_gives_a_clip_in_natural_order(frames, name):
    path = str(frames.parent / name)

    assert numbers(picture_files(path)) == list(range(12))
    assert expand_sources([path]) == [path]
    source = open_source(path)
    found = list(source.frames())
    assert (source.fps, source.frame_count, source.size_wh) == (25, 12, (64, 48))
    assert [frame.time_s for frame in found] == pytest.approx([n / 25 for n in range(12)])
    assert found[5].image_hwc[0, 0].tolist() != found[6].image_hwc[0, 0].tolist()


def test_padded_numbers_and_only_those_are_counted(tmp_path, picture):
    for name in ("a_0002.jpg", "a_0010.jpg", "a_7.jpg", "b_0001.jpg", "a_0003.jpg.txt"):
        cv2.imwrite(str(tmp_path / name.removesuffix(".txt")), picture("red"))
    (tmp_path / "a_0003.jpg").rename(tmp_path / "a_0003.jpg.txt")

    found = picture_files(str(tmp_path / "a_%04d.jpg"))

    assert [file.name for file in found] == ["a_0002.jpg", "a_0010.jpg"]


def test_what_a_shell_makes_of_a_pattern_is_one_clip(frames):
    files = [str(file) for file in frames.iterdir()]

    assert expand_sources(files) == [str(frames / "*.png")]
    with pytest.raises(SourceError, match=r"3 pictures of .* are named and not all"):
        expand_sources(files[:3])


def test_each_folder_of_pictures_below_a_folder_is_a_clip(frames, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for file in frames.iterdir():
        (other / file.name).write_bytes(file.read_bytes())

    assert expand_sources([str(tmp_path)]) == [str(frames), str(other)]
    assert expand_sources([str(tmp_path / "*" / "*.png")]) == [
        str(frames / "*.png"), str(other / "*.png"),
    ]  # fmt: skip


def test_pictures_beside_videos_are_no_clip(frames, draw_video):
    video = draw_video(frames / "clip.mp4", ["red"] * 4)

    assert expand_sources([str(frames)]) == [str(video)]
    with pytest.raises(SourceError, match="is a folder without pictures"):
        VideoSource.open(frames)


def test_a_clip_of_pictures_is_the_same_pixels_as_its_video(frames, tmp_path, ffmpeg):
    video = tmp_path / "clip.mkv"
    ffmpeg("-framerate", 8, "-i", frames / "%d.png", "-c:v", "ffv1", "-pix_fmt", "bgr0", video)

    ours = read_clip(frames, frames=4, size_px=32)
    theirs = read_clip(video, frames=4, size_px=32)

    assert ours.frame_count == theirs.frame_count == 12
    assert np.abs(ours.images_thwc.astype(int) - theirs.images_thwc).max() <= 2


def test_a_broken_picture_in_the_middle_is_like_a_broken_frame(frames):
    (frames / "4.png").write_bytes(b"\x89PNG cut")
    (frames / "5.png").write_bytes(b"")

    clip = read_clip(frames, frames=12, size_px=16)

    assert "at least 2 of its frames cannot be decoded" in str(clip.damage)
    assert clip.images_thwc.shape == (12, 16, 16, 3)


def test_nothing_but_broken_pictures_is_refused(frames):
    for file in frames.iterdir():
        file.write_bytes(b"no picture")

    with pytest.raises(SourceError, match="no frame that can be converted"):
        read_clip(frames, frames=2, size_px=16)


def test_pictures_of_other_sizes_and_depths_are_read(frames, picture):
    cv2.imwrite(str(frames / "3.png"), picture("red", 96, 32))
    cv2.imwrite(str(frames / "4.png"), np.full((20, 30), 40_000, np.uint16))
    cv2.imwrite(str(frames / "5.png"), np.full((20, 30, 4), 255, np.uint8))

    clip = read_clip(frames, frames=12, size_px=16)

    assert clip.damage is None
    assert [frame.image_hwc.shape for frame in open_source(frames).frames()][2:6] == [
        (48, 64, 3), (96, 32, 3), (20, 30, 3), (20, 30, 3),
    ]  # fmt: skip


def test_a_single_picture_is_refused_with_what_to_do(frames, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "photo.JPG").write_bytes((frames / "0.png").read_bytes())

    for source in (alone / "photo.JPG", alone):
        with pytest.raises(SourceError, match=r"photo\.JPG is a single picture, and an action"):
            open_source(str(source))


def test_a_run_reads_pictures_at_their_rate_and_says_it_once(frames, bundle, run_cli, tmp_path):
    results = tmp_path / "results.jsonl"

    result = run_cli(frames, "--bundle", bundle, "--output", results)
    assert result.exit_code == 0, result.stderr
    said = "taking the pictures for a clip of 25 a second"
    assert " ".join(result.stderr.split()).count(said) == 1

    result = run_cli(frames, "--bundle", bundle, "--frame-rate", 2, "--output", results)
    assert result.exit_code == 0, result.stderr
    assert said not in " ".join(result.stderr.split())
    assert '"time_s": 5.5' in results.read_text()


def test_a_rate_of_pictures_without_pictures_is_refused(red_video, bundle, run_cli, assert_refused):
    result = run_cli(red_video, "--bundle", bundle, "--frame-rate", 2)

    assert_refused(result, "--frame-rate is for pictures")
