"""Which clips a step sees, and clips from files."""

import signal
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from stzsar.runtime.errors import LabelError, SourceError
from stzsar.runtime.labels.labels import Label, as_labels
from stzsar.runtime.sources.video_file import VideoSource
from stzsar.train.data.dataset import ClipRequest, StepSampler
from stzsar.train.data.loader import loader
from stzsar.train.data.videos import VideoFiles
from stzsar.train.lists.clip import Clip
from stzsar.train.lists.clip_set import find_clips


def draw_video(path, frames=20, colour=(40, 90, 200)):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (48, 32))
    for index in range(frames):
        writer.write(np.full((32, 48, 3), colour, np.uint8) + np.uint8(index))
    writer.release()


@pytest.fixture
def videos(tmp_path):
    for name in ("HulaHoop", "apply_eye_makeup"):
        for number in range(2):
            draw_video(tmp_path / name / f"{number}.avi")
    return tmp_path


def test_a_resumed_sampler_goes_on_with_the_same_requests():
    whole = list(StepSampler(10, 4, seed=1, start=0, stop=9))
    rest = list(StepSampler(10, 4, seed=1, start=5, stop=9))
    assert whole[5:] == rest
    assert len(StepSampler(10, 4, 1, 5, 9)) == 4


def test_each_epoch_shows_every_clip_once_in_another_order():
    requests = [r for step in StepSampler(12, 4, seed=1, start=0, stop=6) for r in step]
    first, second = requests[:12], requests[12:]
    assert sorted(r.clip for r in first) == sorted(r.clip for r in second) == list(range(12))
    assert [r.clip for r in first] != [r.clip for r in second]


def test_a_clip_is_one_frame_of_each_segment_in_order(videos):
    files = find_clips(videos).clips
    dataset = VideoFiles(files, as_labels(["hula hoop", "apply eye makeup"]), frames=4, size_px=16)
    frames, label = dataset[ClipRequest(2, 9)]
    assert frames.shape == (4, 16, 16, 3)
    assert label == 1
    # Frame i was drawn i levels brighter, so brightness tells the segments of five frames apart.
    order = frames.float().mean((1, 2, 3)) - frames.float().mean((1, 2, 3))[0]
    assert order.tolist() == sorted(order.tolist())
    assert order[-1] > 5


def test_the_same_request_gives_the_same_frames_and_another_draw_others(videos):
    dataset = VideoFiles(
        find_clips(videos).clips[:1], as_labels(["hula hoop"]), frames=4, size_px=16
    )
    draws = {tuple(dataset[ClipRequest(0, d)].frames.flatten().tolist()) for d in range(8)}
    assert len(draws) > 1
    again = dataset[ClipRequest(0, 3)].frames
    assert again.equal(dataset[ClipRequest(0, 3)].frames)


@pytest.mark.parametrize("announced", [12, 20, 25])
def test_a_file_is_read_again_with_the_same_frames_whatever_it_announces(
    videos, monkeypatch, announced
):
    """From the second time on its true length is known, and what comes later is not decoded."""
    decoded = []

    class Announcing(VideoSource):
        def __init__(self, capture):
            capture.frame_count = announced
            super().__init__(capture)

        def frames(self, due=None):
            decoded.append(0)
            for frame in super().frames(due):
                decoded[-1] = frame.index
                yield frame
            decoded[-1] = "all"

    monkeypatch.setattr("stzsar.runtime.sources.clips.VideoSource", Announcing)
    dataset = VideoFiles(
        find_clips(videos).clips[:1], as_labels(["hula hoop"]), frames=4, size_px=16
    )
    first = dataset[ClipRequest(0, 3)].frames
    assert decoded == ["all"] * (1 if announced == 20 else 2)
    decoded.clear()
    assert dataset[ClipRequest(0, 3)].frames.equal(first)
    assert decoded[0] in range(15, 20)
    fresh = VideoFiles(find_clips(videos).clips[:1], as_labels(["hula hoop"]), frames=4, size_px=16)
    assert dataset[ClipRequest(0, 4)].frames.equal(fresh[ClipRequest(0, 4)].frames)


def test_a_class_that_the_labels_lack_is_named(videos):
    with pytest.raises(LabelError, match="'apply eye makeup'"):
        VideoFiles(find_clips(videos).clips, (Label("hula hoop"),), frames=4, size_px=16)


def test_without_a_clip_that_can_be_read_there_is_none(videos):
    (videos / "HulaHoop" / "0.avi").write_bytes(b"no video")
    dataset = VideoFiles(
        find_clips(videos).clips[:1], as_labels(["hula hoop"]), frames=4, size_px=16
    )
    with pytest.raises(SourceError, match="No clip of 1 gives frames"):
        dataset[ClipRequest(0, 0)]


@pytest.mark.parametrize(("parts", "count"), [(1, 2), (2, 1), (2, 3)])
def test_processes_share_a_step_in_the_order_of_its_clips(parts, count):
    whole = list(StepSampler(10, 12, seed=1, start=3, stop=5))
    shares = [
        list(StepSampler(10, 12, 1, 3, 5, parts=parts, rank=rank, count=count))
        for rank in range(count)
    ]
    assert all(len(share) == 2 * parts for share in shares)
    for step, requests in enumerate(whole):
        own = range(step * parts, (step + 1) * parts)
        assert [r for part in own for share in shares for r in share[part]] == requests


def test_a_worker_lives_through_the_first_signal_of_its_group(videos):
    """Whoever reads from it finishes a step first."""
    dataset = VideoFiles(
        find_clips(videos).clips, as_labels(["hula hoop", "apply eye makeup"]), frames=2, size_px=16
    )
    before = psutil.Process().children()
    clips = iter(loader(dataset, StepSampler(4, 2, 1, 0, 40), workers=1))
    next(clips)
    (worker,) = (child for child in psutil.Process().children() if child not in before)
    for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
        worker.send_signal(number)
    assert len(list(clips)) == 39


def test_clips_are_told_by_order_classes_and_names_and_not_by_where_they_lie():
    def fingerprint(*files):
        labels = as_labels(["hula hoop", "archery"])
        made = [Clip(Path(path), label) for path, label in files]
        return VideoFiles(made, labels, frames=2, size_px=16).fingerprint

    one, two = ("a/1.avi", "hula hoop"), ("b/2.avi", "archery")
    expected = fingerprint(one, two)
    assert fingerprint(("elsewhere/1.mp4", "HulaHoop"), two) == expected
    others = [(two, one), (one,), (one, ("b/3.avi", "archery")), (one, ("b/2.avi", "hula hoop"))]
    assert len({expected, *(fingerprint(*files) for files in others)}) == 5
