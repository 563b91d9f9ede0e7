"""Containers as people have them: without a duration, joined, with covers, raw, turned."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.sources.video_file import FileClock, VideoSource
from stzsar.runtime.video import pyav

pytestmark = pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")

PICTURE = ("-f", "lavfi", "-i", "testsrc=size=128x96:rate=10:duration=6")


@pytest.fixture
def read(tmp_path, ffmpeg):
    """Make a file with FFmpeg and read all of it."""

    def frames_of(name):
        source = VideoSource.open(tmp_path / name)
        frames = list(source.frames())
        source.close()
        assert all(frame.image_hwc.shape == (96, 128, 3) for frame in frames)
        return [frame.time_s for frame in frames]

    return frames_of


EVEN = pytest.approx([index / 10 for index in range(60)], abs=2e-3)


def test_a_webm_without_a_duration_as_browsers_record_it(tmp_path, ffmpeg, read):
    ffmpeg(*PICTURE, "-c:v", "libvpx", "-f", "webm", "-live", "1", tmp_path / "a.webm")

    assert read("a.webm") == EVEN


def test_a_transport_stream_whose_times_begin_anew_goes_on(tmp_path, ffmpeg, read):
    ffmpeg(*PICTURE, "-c:v", "libx264", "-g", "10", tmp_path / "one.ts")
    (tmp_path / "two.ts").write_bytes(2 * (tmp_path / "one.ts").read_bytes())

    assert read("two.ts") == pytest.approx([index / 10 for index in range(120)], abs=2e-3)


def test_raw_h264_has_the_times_of_its_assumed_rate(tmp_path, ffmpeg, read):
    ffmpeg(*PICTURE, "-c:v", "libx264", "-f", "h264", tmp_path / "a.h264")

    assert read("a.h264") == pytest.approx([index / 25 for index in range(60)])


def test_a_cover_picture_is_not_the_video(tmp_path, ffmpeg, read):
    ffmpeg(*PICTURE, tmp_path / "plain.mp4")
    cv2.imwrite(str(tmp_path / "cover.jpg"), np.full((64, 64, 3), 200, np.uint8))
    ffmpeg("-i", tmp_path / "cover.jpg", "-i", tmp_path / "plain.mp4", "-map", 0, "-map", 1,
           "-c:v:0", "mjpeg", "-c:v:1", "copy", "-disposition:v:0", "attached_pic",
           tmp_path / "cover.mp4")  # fmt: skip

    assert read("cover.mp4") == EVEN


def test_of_several_videos_the_default_one_is_read(tmp_path, ffmpeg, read):
    ffmpeg("-f", "lavfi", "-i", "color=gray:size=32x32:rate=1:duration=6", *PICTURE,
           "-map", 0, "-map", 1, "-disposition:v:0", "0", "-disposition:v:1", "default",
           tmp_path / "preview.mkv")  # fmt: skip

    assert read("preview.mkv") == EVEN


def test_what_a_playlist_in_a_file_names_is_not_fetched(tmp_path, ffmpeg):
    asked = "http://127.0.0.1:9/segment.ts"
    (tmp_path / "a.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{asked}\n")

    with pytest.raises(Exception, match="not a video that can be read"):
        VideoSource.open(tmp_path / "a.mp4")


@pytest.mark.parametrize("missing", [None, 0.0])
def test_stamps_that_are_missing_or_wrong_once_do_not_move_those_behind(missing):
    clock = FileClock(10)
    stamps = [5.0, 5.1, missing, 5.3, 5.4, None]

    assert [clock.time_of(stamp) for stamp in stamps] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_stamps_that_begin_anew_go_on_at_their_own_pace():
    clock = FileClock(10)
    stamps = [5.0, 5.1, 0.0, 0.3, 0.4, 5.2]

    times = [clock.time_of(stamp) for stamp in stamps]

    assert times == pytest.approx([0, 0.1, 0.2, 0.5, 0.6, 5.4])
