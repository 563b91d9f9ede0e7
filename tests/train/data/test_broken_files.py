"""Files that give no frames: named once, written down, and never shown to the network as black."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.labels.labels import as_labels
from stzsar.train.data.broken_files import BrokenFile, BrokenFiles
from stzsar.train.data.dataset import LEFT_OUT, ClipRequest, StepSampler
from stzsar.train.data.loader import loader
from stzsar.train.data.videos import VideoFiles
from stzsar.train.lists.clip import Clip


@pytest.fixture
def files(tmp_path):
    """Six clips of one bright colour each, of which the third and the fourth are no videos."""
    paths = [tmp_path / f"{number}.avi" for number in range(6)]
    for number, path in enumerate(paths):
        if number in (2, 3):
            path.write_bytes(b"no video" if number == 2 else b"")
            continue
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32))
        for _ in range(8):
            writer.write(np.full((32, 32, 3), 100 + 20 * number, np.uint8))
        writer.release()
    return [Clip(path, f"class {number}") for number, path in enumerate(paths)]


def dataset(files, **options):
    labels = as_labels([file.label for file in files])
    return VideoFiles(files, labels, frames=2, size_px=16, **options)


@pytest.fixture
def damaged(files):
    """The first clip with less than half of its bytes, of which OpenCV reads some frames."""
    path = files[0].path
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (32, 32))
    for level in range(60):
        writer.write(np.full((32, 32, 3), 90 + level, np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 5])
    return files


def test_the_next_sound_clip_stands_in_with_its_own_label(files, caplog):
    clip = dataset(files)[ClipRequest(2, 7)]
    assert clip.label == 4
    assert abs(float(clip.frames.float().mean()) - 180) < 4
    told = [record.getMessage() for record in caplog.records]
    assert "2.avi is not a video that can be read" in told[0]
    assert "3.avi is an empty file" in told[1]


def test_the_same_request_has_the_same_stand_in(files):
    assert dataset(files)[ClipRequest(2, 7)].frames.equal(dataset(files)[ClipRequest(2, 7)].frames)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_workers_find_is_told_once_by_the_main_process(files, tmp_path, caplog, workers):
    data = dataset(files)
    data.broken.keep_in(tmp_path)
    with caplog.at_level("WARNING", logger="stzsar"):
        batches = list(loader(data, StepSampler(6, 3, 0, 0, 6), workers=workers))
    assert [(tuple(frames.shape), len(labels)) for frames, labels in batches] == [
        ((3, 2, 16, 16, 3), 3)
    ] * 6
    assert all(float(frames.float().mean()) > 90 for frames, _ in batches)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert all(line.endswith("Another clip replaces it.") for line in told)
    said = f"Of 6 clips 2 gave no frames, see {tmp_path / 'broken.txt'}."
    assert data.broken.summary(6) == said
    lines = (tmp_path / "broken.txt").read_text().splitlines()
    assert sorted(line.split("\t")[0] for line in lines) == [str(f.path) for f in files[2:4]]


@pytest.mark.parametrize("workers", [0, 2])
def test_damage_is_told_once_and_counted_apart(damaged, tmp_path, caplog, workers):
    data = dataset(damaged)
    data.broken.keep_in(tmp_path)
    with caplog.at_level("WARNING", logger="stzsar"):
        list(loader(data, StepSampler(6, 3, 0, 0, 6), workers=workers))
    (told,) = [text for text in caplog.messages if "0.avi" in text]
    assert "announced frames" in told
    assert told.endswith("Its readable frames are used.")
    lines = (tmp_path / "broken.txt").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(str(damaged[0].path))]
    assert line.endswith("\tused")
    assert str(damaged[0].path) not in data.broken
    summary = data.broken.summary(6)
    assert (
        summary == f"Of 6 clips 2 gave no frames and 1 is damaged, see {tmp_path / 'broken.txt'}."
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_in_evaluation_nothing_replaces_a_broken_clip(damaged, tmp_path, caplog, workers):
    data = dataset(damaged, training=False)
    data.broken.keep_in(tmp_path)
    requests = [[ClipRequest(place, 0) for place in range(6)]]
    with caplog.at_level("WARNING", logger="stzsar"):
        ((_, labels),) = loader(data, requests, workers=workers)
    assert labels.tolist() == [0, 1, LEFT_OUT, LEFT_OUT, 4, 5]
    assert [text for text in caplog.messages if text.endswith("The validation leaves it out.")]
    assert data.broken.summary(6) == (
        f"Of 6 validation clips 2 gave no frames and 1 is damaged, see {tmp_path / 'broken.txt'}."
    )
    training = dataset(damaged)
    training.broken.keep_in(tmp_path)
    assert training.broken.summary(6) is None


def test_sound_clips_leave_no_file(files, tmp_path):
    data = dataset(files[:2])
    data.broken.keep_in(tmp_path)
    list(loader(data, StepSampler(2, 2, 0, 0, 1), workers=0))
    assert data.broken.summary(2) is None
    assert not (tmp_path / "broken.txt").exists()


def test_what_was_found_before_there_was_a_folder_is_written_into_it(tmp_path):
    found = BrokenFiles()
    found.report([BrokenFile("a.mp4", "a.mp4 is broken.")])
    found.keep_in(tmp_path)
    assert (tmp_path / "broken.txt").read_text() == "a.mp4\ta.mp4 is broken.\treplaced\n"


def test_a_resumed_run_and_another_process_know_what_the_first_one_found(tmp_path, caplog):
    first, second = BrokenFiles(), BrokenFiles()
    first.keep_in(tmp_path)
    second.keep_in(tmp_path)
    first.report([BrokenFile("a.mp4", "a.")])
    second.report([BrokenFile("a.mp4", "a."), BrokenFile("b.mp4", "b.")])
    first.report([BrokenFile("b.mp4", "b.")])
    assert [record.getMessage()[:2] for record in caplog.records] == ["a.", "b."]
    assert (tmp_path / "broken.txt").read_text() == "a.mp4\ta.\treplaced\nb.mp4\tb.\treplaced\n"
    resumed = BrokenFiles()
    resumed.keep_in(tmp_path)
    assert len(resumed) == 2


def test_of_damaged_real_clips_each_gives_frames_or_is_named(shared_clips, tmp_path):
    paths = sorted([*shared_clips.glob("derived__*"), *shared_clips.glob("odd/*")])
    files = [Clip(path, path.name) for path in paths]
    data = VideoFiles(files, as_labels([path.name for path in paths]), frames=2, size_px=32)
    for place, path in enumerate(paths):
        clip = data[ClipRequest(place, 0)]
        assert clip.frames.float().std() > 1, f"{path.name} is of one colour"
        assert (clip.label != place) == (str(path) in data.broken)
    named = {path.name.split("__")[1] for path in paths if str(path) in data.broken}
    # An index that is missing, nothing at all, a pointer to a file; AV1 only some can decode.
    assert {"nomoov", "result.webm", "dance.mp4"} <= named
    assert named <= {"nomoov", "result.webm", "dance.mp4", "av1"}
