import subprocess
import sys

import cv2
import numpy as np
import pytest

from stzsar.runtime.drawing.overlay import draw_overlay
from stzsar.runtime.drawing.text import fitted, text_width
from stzsar.runtime.errors import SourceError, StzsarError
from stzsar.runtime.results import Recognition, Score
from stzsar.runtime.sinks import video as sink_module
from stzsar.runtime.sinks.video import AnnotatedVideo
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.video.writer import open_writer

pytestmark = pytest.mark.usefixtures("decoder")

LATEST = Recognition("x", 0.0, 1.0, 4, (Score("red", 0.75, 0.5), Score("Íjászat 射", 0.25, 0.1)))


def write(path, images, *, fps=10.0, live=False, times=None):
    video = AnnotatedVideo(path, fps=fps, live=live)
    for index, image in enumerate(images):
        video.write(Frame(image, times[index] if times else index / fps, index), LATEST)
    video.finish()


def read(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        there, image = capture.read()
        if not there:
            return frames
        frames.append(image)


def test_every_frame_is_written_and_the_rate_is_kept(tmp_path, picture):
    path = tmp_path / "out.mp4"

    write(path, [picture("red")] * 7, fps=29.97)

    assert len(read(path)) == 7
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == pytest.approx(29.97, abs=0.01)
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize(
    ("size_hw", "written_hw"),
    [
        ((48, 64), (240, 320)),
        ((51, 65), (240, 306)),
        ((481, 641), (480, 640)),
        ((1, 1), (240, 240)),
        ((64, 9000), (58, 8190)),
        ((9000, 64), (8190, 58)),
    ],
)
def test_small_and_odd_pictures_become_legible_and_even(tmp_path, picture, size_hw, written_hw):
    write(tmp_path / "out.mp4", [picture("red", *size_hw)] * 2)

    assert read(tmp_path / "out.mp4")[0].shape[:2] == written_hw


@pytest.mark.parametrize("fps", [0.01, 0.5, 119.88, 599.99, 600.0, 655.37, 999.99, 1000.0])
def test_every_rate_that_a_file_may_have_is_written(tmp_path, picture, fps):
    write(tmp_path / "out.mp4", [picture("red")] * 2, fps=fps)

    written = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert written.get(cv2.CAP_PROP_FPS) == pytest.approx(fps, rel=1e-3)
    assert len(read(tmp_path / "out.mp4")) == 2


def test_a_video_that_no_encoder_can_write_is_a_matter_of_its_source(
    tmp_path, picture, monkeypatch
):
    monkeypatch.setattr(sink_module, "MAX_SIDE_PX", 20_000)
    video = AnnotatedVideo(tmp_path / "out.mp4", fps=10, live=False)

    with pytest.raises(SourceError, match=r"Cannot write .*\(19000x64 px, 10 fps"):
        video.write(Frame(picture("red", 64, 19_000), 0.0, 0), None)
    video.finish()
    assert not list(tmp_path.iterdir())


def test_a_size_that_changes_is_fitted_into_the_first(tmp_path, picture):
    write(tmp_path / "out.mp4", [picture("red", 240, 320), picture("blue", 320, 240)])

    first, second = read(tmp_path / "out.mp4")
    assert first.shape == second.shape == (240, 320, 3)
    assert second[120, 160].argmax() == 0  # the picture is in the middle
    assert second[120, 10].max() < 40  # between black borders


def test_a_live_video_lasts_as_long_as_what_it_shows(tmp_path, picture):
    times = [0.0, 0.05, 0.1, 0.5, 1.0]

    write(tmp_path / "out.mp4", [picture("red")] * 5, fps=10, live=True, times=times)

    assert len(read(tmp_path / "out.mp4")) == 11


def test_the_overlay_shows_bars_as_long_as_the_scores():
    image = np.full((240, 400, 3), 200, np.uint8)

    draw_overlay(image, 1.0, LATEST)

    assert (image[100] == 200).all()  # the middle of the picture stays as it is
    for y, length_px in ((203, 300), (223, 100)):
        bar = np.flatnonzero((image[y] == image[y, 0]).all(axis=1))
        assert bar.max() == pytest.approx(length_px, abs=2)


LONG = "white diamond swinging on a rope at the far end of a hall"


@pytest.mark.parametrize("width", [160, 320, 640])
def test_a_long_label_is_drawn_whole_or_shortened_in_the_middle(width):
    top = (Score(LONG, 0.9, 0.5), Score("射箭 " + LONG, 0.1, 0.1))
    image = np.full((240, width, 3), 200, np.uint8)

    draw_overlay(image, 1.0, Recognition("x", 0.0, 1.0, 4, top, decision=LONG))

    # White is writing: the last columns hold none, so nothing goes on beyond them.
    rows = image[200:]
    assert (rows > 240).all(axis=2).any()  # OpenCV 4.10 writes no pure white
    assert not (rows[:, -1] > 150).all(axis=1).any()


@pytest.mark.parametrize("text", [LONG, "射箭 " + LONG, "wwwwwwwwww" * 20, "i", ""])
@pytest.mark.parametrize("width", [30, 90, 150, 400])
def test_type_becomes_smaller_before_the_middle_of_a_label_is_left_out(text, width):
    shown, height_px = fitted(text, width, 20)

    assert text_width(shown, height_px) <= width
    assert 14 <= height_px <= 20
    if shown != text:
        assert height_px == 14
        head, _, tail = shown.replace("...", "…").partition("…")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_without_a_result_only_the_time_is_shown():
    image = np.full((240, 400, 3), 200, np.uint8)

    draw_overlay(image, 1.0, None)

    assert (image[40:] == 200).all()
    assert (image[:20, :40] != 200).any()


def test_without_frames_there_is_no_file(tmp_path):
    AnnotatedVideo(tmp_path / "out.mp4", fps=10, live=False).finish()

    assert not list(tmp_path.iterdir())


def test_ctrl_c_while_a_frame_is_written_leaves_a_whole_video(tmp_path, picture, monkeypatch):
    class Interrupted:
        def __init__(self, *arguments):
            self.writer = open_writer(*arguments)
            self.close = self.writer.close

        def write(self, image):
            self.writer.write(image)
            raise KeyboardInterrupt

    video = AnnotatedVideo(tmp_path / "out.mp4", fps=10, live=False)
    monkeypatch.setattr(sink_module, "open_writer", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        video.write(Frame(picture("red"), 0.0, 0), None)

    video.finish()

    assert len(read(tmp_path / "out.mp4")) == 1


def test_a_file_by_the_name_of_an_unfinished_video_stays(tmp_path, picture):
    source = tmp_path / "out.part.mp4"
    source.write_text("a source")

    write(tmp_path / "out.mp4", [picture("red")])

    assert source.read_text() == "a source"


def test_an_old_video_stays_until_the_new_one_is_whole(tmp_path, picture):
    path = tmp_path / "out.mp4"
    path.write_text("old")
    video = AnnotatedVideo(path, fps=10, live=False)
    video.write(Frame(picture("red"), 0.0, 0), None)

    assert path.read_text() == "old"
    video.finish()
    assert len(read(path)) == 1


def test_a_live_source_leaves_older_videos_and_numbers_its_own(tmp_path, picture):
    path = tmp_path / "out.mp4"
    for _ in range(3):
        write(path, [picture("red")], live=True)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["out-2.mp4", "out-3.mp4", "out.mp4"]


KILLED = """
import sys
from pathlib import Path
import numpy as np
from stzsar.runtime.sinks.video import AnnotatedVideo
from stzsar.runtime.sources.frames import Frame
video = AnnotatedVideo(Path(sys.argv[1]), fps=10, live=False)
for index in range(200):
    video.write(Frame(np.full((48, 64, 3), index, np.uint8), index / 10, index), None)
print("written", flush=True)
sys.stdin.read()
"""


def test_a_video_survives_a_kill(tmp_path, decoder):
    if decoder == "OpenCV":
        pytest.skip("OpenCV writes the index of a video at its end")
    with subprocess.Popen(
        [sys.executable, "-Ic", KILLED, str(tmp_path / "out.mp4")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"written\n"
        process.kill()

    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(read(tmp_path / "out.mp4")) >= 200 - 2 * 10  # all but the last key frame's


def test_the_parts_of_killed_runs_are_removed_and_those_of_others_stay(tmp_path, picture):
    path = tmp_path / "out.mp4"
    path.write_text("old")
    command = [sys.executable, "-Ic", KILLED, str(path)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as killed,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living,
    ):
        for process in (killed, living):
            assert process.stdout
            assert process.stdout.readline() == b"written\n"
        killed.kill()
        killed.wait()

        write(path, [picture("red")])

        assert len(read(path)) == 1
        assert len(list(tmp_path.glob(".*"))) == 1
        living.kill()


@pytest.mark.parametrize("name", ["out.avi", "out", "out.mp4.gz"])
def test_another_container_is_refused(tmp_path, name):
    with pytest.raises(StzsarError, match=r"ends in \.mp4"):
        AnnotatedVideo(tmp_path / name, fps=10, live=False)


def test_a_folder_that_is_missing_is_refused_before_the_first_frame(tmp_path):
    with pytest.raises(StzsarError, match="No such file or directory"):
        AnnotatedVideo(tmp_path / "none" / "out.mp4", fps=10, live=False)
