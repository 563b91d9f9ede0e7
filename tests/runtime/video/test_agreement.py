"""PyAV and OpenCV give the same frames at the same times: training and runs may have either."""

import numpy as np
import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources.video_file import VideoSource
from stzsar.runtime.video import pyav

pytestmark = pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")
# Frames from where one of them gives up are not compared.
DAMAGED = ("bitflips", "halfdata")


def read(path, monkeypatch, *, with_av):
    """Return frames and times; in one thread, as damage is not the same in several."""
    with monkeypatch.context() as patch:
        if not with_av:
            patch.setattr(pyav, "load_av", lambda: None)
        frames = []
        try:
            source = VideoSource.open(path, threads=1)
            for frame in source.frames():
                frames.append(frame)
            source.close()
        except SourceError:
            pass  # what came before the damage counts
        return [frame.image_hwc for frame in frames], [frame.time_s for frame in frames]


def assert_same(path, monkeypatch):
    (pictures, times), (wanted, wanted_times) = (
        read(path, monkeypatch, with_av=with_av) for with_av in (True, False)
    )
    if not any(word in path.name for word in DAMAGED):
        assert len(pictures) == len(wanted)
    assert all(np.array_equal(a, b) for a, b in zip(pictures, wanted, strict=False))
    count = min(len(times), len(wanted_times))
    assert times[:count] == pytest.approx(wanted_times[:count], abs=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        ["-c:v", "libx264", "-bf", "2", "a.mp4"],
        ["-c:v", "libx264", "-pix_fmt", "yuv444p", "b.mkv"],
        ["-c:v", "libx264", "-color_range", "pc", "-pix_fmt", "yuvj420p", "c.mp4"],
        ["-c:v", "libx264", "-colorspace", "bt709", "d.mp4"],
        ["-c:v", "mpeg4", "-bf", "2", "e.avi"],
        ["-c:v", "mpeg2video", "f.mpg"],
        ["-c:v", "mjpeg", "-q:v", "3", "g.avi"],
        ["-c:v", "libvpx", "h.webm"],
        ["-c:v", "libx264", "i.ts"],
        ["-c:v", "libx264", "-metadata:s:v:0", "rotate=90", "j.mov"],
    ],
)
def test_both_give_the_same_frames_of_each_codec(tmp_path, ffmpeg, monkeypatch, options):
    path = tmp_path / options[-1]
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=96x64:rate=10:duration=2", *options[:-1], path)

    assert_same(path, monkeypatch)
    assert len(read(path, monkeypatch, with_av=True)[0]) == 20


@pytest.mark.slow
def test_both_give_the_same_frames_of_all_real_clips(shared_clips, monkeypatch):
    clips = [path for path in sorted(shared_clips.iterdir()) if "__av1__" not in path.name]

    for path in clips:
        assert_same(path, monkeypatch)


def test_both_give_the_same_frames_of_some_real_clips(shared_clips, monkeypatch):
    plain = [path for path in sorted(shared_clips.glob("*.avi")) if "derived" not in path.name]

    for path in [*plain[::15], *sorted(shared_clips.glob("derived__*t*"))[:4]]:
        assert_same(path, monkeypatch)


def test_av1_is_read_by_pyav_and_refused_with_a_remedy_without(shared_clips, monkeypatch):
    path = next(shared_clips.glob("derived__av1__*"), None)
    if path is None:
        pytest.skip("the real clips hold none in AV1")

    assert len(read(path, monkeypatch, with_av=True)[0]) == 100
    monkeypatch.setattr(pyav, "load_av", lambda: None)
    with pytest.raises(SourceError, match=r"run pip install '\.\[av\]' .* for more codecs"):
        VideoSource.open(path)
