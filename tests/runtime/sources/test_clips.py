import os

import numpy as np
import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources.clips import read_clip
from stzsar.runtime.sources.video_file import VideoSource

pytestmark = pytest.mark.usefixtures("decoder")


def test_a_clip_is_the_middle_of_each_segment(tmp_path, draw_video):
    path = draw_video(tmp_path / "clip.avi", ["red"] * 10 + ["blue"] * 10, fps=10)

    clip = read_clip(path, frames=4, size_px=8)

    assert clip.images_thwc.shape == (4, 8, 8, 3)
    assert clip.images_thwc[:, 4, 4].argmax(-1).tolist() == [2, 2, 0, 0]
    assert (clip.start_s, clip.end_s) == pytest.approx((0.2, 1.7))
    assert clip.damage is None


def test_a_clip_whose_count_is_true_is_opened_once(red_video, monkeypatch):
    real, opened = VideoSource.open, []
    monkeypatch.setattr(
        VideoSource, "open", lambda *given, **named: opened.append(given) or real(*given, **named)
    )

    read_clip(red_video, frames=4, size_px=8)

    assert len(opened) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_no_clip(tmp_path, red_video):
    pipe = tmp_path / "pipe.avi"
    os.mkfifo(pipe)

    with pytest.raises(SourceError, match="is a pipe, which can be read only once"):
        read_clip(pipe, frames=4, size_px=8)


def test_a_clip_of_one_frame_repeats_it(tmp_path, draw_video):
    clip = read_clip(draw_video(tmp_path / "one.avi", ["red"]), frames=4, size_px=8)

    assert clip.images_thwc.shape == (4, 8, 8, 3)


def test_a_truncated_clip_is_spread_over_what_is_there(tmp_path, draw_video, cut):
    path = draw_video(tmp_path / "clip.avi", ["red"] * 4 + ["blue"] * 36, fps=10)

    clip = read_clip(cut(path, 0.5), frames=4, size_px=8)

    assert "announced frames" in str(clip.damage)
    assert clip.end_s < 2.0
    assert clip.images_thwc[:, 4, 4].argmax(-1).tolist()[-1] == 0


def test_random_clips_follow_their_seed(tmp_path, draw_video):
    path = draw_video(tmp_path / "clip.avi", ["red"] * 100, fps=10)

    def times(seed):
        rng = np.random.default_rng(seed)
        clip = read_clip(path, frames=4, size_px=8, rng=rng)
        return clip.start_s, clip.end_s

    assert times(1) == times(1)
    assert times(1) != times(2)
