import os

import cv2
import numpy as np
import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources import opening
from stzsar.runtime.sources.address import camera_number
from stzsar.runtime.sources.secrets import without_secrets
from stzsar.runtime.sources.uri import expand_sources, is_live, open_source
from stzsar.runtime.sources.video_file import FileClock
from stzsar.runtime.video.opencv_capture import OpenCvCapture
from stzsar.runtime.video.pyav_capture import PyAvCapture

pytestmark = pytest.mark.usefixtures("decoder")


class FakeCamera:
    """Stands in for cv2.VideoCapture: gives `pictures`, then nothing."""

    opened = True
    pictures = 5

    def __init__(self, *_arguments):
        self.left = self.pictures

    def isOpened(self):  # noqa: N802
        return self.opened

    def set(self, *_property):
        return True

    def get(self, key):
        known = {cv2.CAP_PROP_FRAME_WIDTH: 64, cv2.CAP_PROP_FRAME_HEIGHT: 48}
        return known.get(key, 0.0)

    def grab(self):
        self.left -= 1
        return self.left >= 0

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        pass


def all_frames(path):
    source = open_source(path)
    try:
        return list(source.frames())
    finally:
        source.close()


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4"])
def test_a_file_gives_all_its_frames_with_their_times(tmp_path, draw_video, name):
    path = draw_video(tmp_path / name, ["red", "green"] * 5, fps=10)

    frames = all_frames(path)

    assert [frame.index for frame in frames] == list(range(10))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 10 for i in range(10)])
    assert frames[0].image_hwc.shape == (48, 64, 3)
    assert frames[0].image_hwc[24, 32].argmax() == 2  # red, in BGR


def test_a_source_says_what_it_is(red_video):
    source = open_source(red_video)

    assert (source.name, source.fps, source.size_wh) == (str(red_video), 8.0, (64, 48))
    assert (source.frame_count, source.live) == (16, False)
    source.close()


def test_only_due_frames_are_given_and_each_is_asked_for_once(red_video):
    asked = []
    source = open_source(red_video)

    frames = list(source.frames(lambda time_s: asked.append(time_s) or time_s in (0.5, 1.0)))

    assert [frame.index for frame in frames] == [4, 8]
    assert asked == pytest.approx([i / 8 for i in range(16)])
    source.close()


@pytest.mark.parametrize("name", ["a [b] 100%d.avi", "x:y.avi", "ünï 射.avi", "-dash.avi"])
def test_file_names_are_taken_as_they_are(tmp_path, red_video, name, monkeypatch):
    red_video.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)

    assert expand_sources([name]) == [name]
    assert len(all_frames(name)) == 16


def test_a_name_that_is_not_utf8_is_refused_and_does_not_crash(tmp_path, red_video):
    path = tmp_path / os.fsdecode(b"bad\xff.avi")
    try:
        red_video.rename(path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")

    with pytest.raises(SourceError, match="not UTF-8"):
        open_source(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        open_source(tmp_path / "none.mp4")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(SourceError, match="is a folder"):
        open_source(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.mp4").touch()

    with pytest.raises(SourceError, match="empty file"):
        open_source(tmp_path / "empty.mp4")


def test_a_text_file_by_the_name_of_a_video_is_refused(tmp_path, capfd):
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)

    with pytest.raises(SourceError, match="not a video that can be read"):
        open_source(tmp_path / "text.mp4")
    assert capfd.readouterr() == ("", "")  # neither OpenCV nor FFmpeg chatters


def test_an_mp4_without_its_table_is_refused(tmp_path, draw_video, cut):
    path = cut(draw_video(tmp_path / "clip.mp4", ["red"] * 30), 0.7)

    with pytest.raises(SourceError, match="cut short"):
        open_source(path)


def test_a_truncated_file_gives_its_frames_and_then_an_error(tmp_path, draw_video, cut):
    path = cut(draw_video(tmp_path / "clip.avi", ["red"] * 40), 0.5)
    source = open_source(path)
    frames = []

    with pytest.raises(SourceError, match=r"ends after \d+ of 40 announced frames"):
        frames.extend(frame for frame in source.frames() if not frames.append(frame))
    source.close()

    assert 10 < len(frames) < 30


def test_a_file_that_lacks_its_last_frame_is_no_error(tmp_path, draw_video, cut):
    path = cut(draw_video(tmp_path / "clip.avi", ["red"] * 40), 0.9)

    assert len(all_frames(path)) >= 28


def test_times_never_go_back_whatever_the_container_says():
    clock = FileClock(fps=10)

    times = [clock.time_of(stamp_s) for stamp_s in (0.04, 0.14, 0.24, 0.0, 0.44)]

    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_a_container_without_stamps_is_timed_by_its_rate():
    clock = FileClock(fps=None)

    assert [clock.time_of(0.0) for _ in range(3)] == pytest.approx([0.0, 0.04, 0.08])


def test_a_folder_gives_its_videos_below_sorted_and_no_others(tmp_path, red_video):
    left_by_systems = ("._b.mp4", "__MACOSX/b.mp4", ".ipynb_checkpoints/b.mp4")
    for name in ("b.mp4", "sub/a.MKV", "notes.txt", "sub/deep/c.webm", *left_by_systems):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "sub" / "circle").symlink_to(tmp_path)

    found = expand_sources([str(tmp_path)])

    wanted = ["b.mp4", "red.avi", "sub/a.MKV", "sub/deep/c.webm"]
    assert found == [str(tmp_path / name) for name in wanted]


def test_a_pattern_gives_what_it_matches_once(tmp_path, red_video):
    (tmp_path / "a.mp4").touch()

    found = expand_sources([str(tmp_path / "*.avi"), str(red_video), str(tmp_path / "[ab].mp4")])

    assert found == [str(red_video), str(tmp_path / "a.mp4")]


def test_cameras_addresses_and_missing_files_stay_as_they_are():
    uris = ["0", "/dev/video2", "rtsp://cam/*", "none.mp4"]

    assert expand_sources(uris) == uris
    assert [is_live(uri) for uri in uris] == [True, True, True, False]
    assert [camera_number(uri) for uri in uris] == [0, 2, None, None]


def test_an_empty_folder_and_an_empty_match_are_refused(tmp_path):
    with pytest.raises(SourceError, match="holds no video"):
        expand_sources([str(tmp_path)])
    with pytest.raises(SourceError, match="No file matches"):
        expand_sources([str(tmp_path / "*.mp4")])


def test_a_camera_gives_frames_in_real_time_and_stopping_is_an_error(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    camera = open_source(0)
    frames = []

    assert (camera.name, camera.live, camera.fps, camera.frame_count) == (
        "camera 0",
        True,
        None,
        None,
    )
    with pytest.raises(SourceError, match=r"camera 0 gives no more frames \(after 5\)"):
        frames.extend(frame for frame in camera.frames() if not frames.append(frame))
    assert frames[0].time_s == 0
    assert sorted(frame.time_s for frame in frames) == [frame.time_s for frame in frames]


@pytest.mark.parametrize("number", ["100", "9999", "2147483648", "99999999999", "/dev/video200"])
def test_numbers_that_opencv_takes_for_other_back_ends_are_no_cameras(number):
    with pytest.raises(SourceError, match="There is no camera"):
        camera_number(number)


def test_a_number_of_5000_digits_is_refused_in_a_short_sentence():
    with pytest.raises(SourceError, match="have the numbers 0 to 99") as caught:
        expand_sources(["7" * 5000])

    assert len(str(caught.value)) < 100


def test_leading_zeros_do_not_matter():
    assert [camera_number(uri) for uri in ("00", "0000000007", "99")] == [0, 7, 99]


def test_an_empty_source_is_not_the_current_folder():
    with pytest.raises(SourceError, match="A source is empty"):
        expand_sources([""])


def failing(*_arguments):
    cv2.resize(np.zeros((0, 0, 3), np.uint8), (1, 1))


@pytest.mark.parametrize("method", ["grab", "retrieve"])
def test_a_failure_of_opencv_is_one_of_the_source(monkeypatch, method):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    monkeypatch.setattr(FakeCamera, method, failing)

    with pytest.raises(SourceError, match=r"OpenCV cannot decode camera 0 \("):
        next(open_source(0).frames())


def test_a_back_end_that_knows_no_threads_opens_without(monkeypatch, red_video):
    class Refusing(FakeCamera):
        def __init__(self, _target, _api, asked=()):
            super().__init__()
            self.opened = cv2.CAP_PROP_N_THREADS not in asked

    monkeypatch.setattr(cv2, "VideoCapture", Refusing)
    capture = OpenCvCapture(str(red_video), "red.mp4", threads=1)
    assert capture.is_open
    assert capture.grab()


def test_a_frame_that_cannot_be_converted_counts_as_lost(monkeypatch, red_video):
    pictures = iter([np.zeros((48, 64, 3), np.uint8), None] * 8)
    for kind in (OpenCvCapture, PyAvCapture):
        monkeypatch.setattr(kind, "retrieve", lambda _capture: next(pictures))
    source = open_source(red_video)
    given = []

    with pytest.raises(SourceError, match="at least 8 of its frames cannot be decoded"):
        given.extend(frame.index for frame in source.frames())
    source.close()

    assert given == list(range(0, 16, 2))


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ([], "no camera is connected"),
        (["video0", "video2"], "this machine has 0, 2"),
        (["video7"], "Camera 7 cannot be opened"),
    ],
)
def test_a_camera_that_is_not_there_is_refused(tmp_path, monkeypatch, devices, message):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera)
    monkeypatch.setattr(FakeCamera, "opened", False)
    for device in devices:
        (tmp_path / device).touch()
    monkeypatch.setattr(opening, "Path", lambda _dev: tmp_path)

    with pytest.raises(SourceError, match=message):
        open_source("7")


def test_an_address_that_does_not_answer_is_refused_without_its_password():
    with pytest.raises(SourceError, match="No video comes from") as caught:
        open_source("http://me:secret@127.0.0.1:9/video?token=secret")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["rtsp://[bad/x", "http://127.0.0.1:9/\udcff"])
def test_an_address_that_is_none_is_refused_and_does_not_crash(url):
    with pytest.raises(SourceError, match=r"(?i)the address"):
        open_source(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://me:pw@cam:554/a", "rtsp://cam:554/a"),
        ("rtsp://me:p@w@cam/a", "rtsp://cam/a"),
        ("http://cam/v?user=me&pwd=x&channel=1", "http://cam/v?user=***&pwd=***&channel=1"),
        ("http://cam/v?access_token=x", "http://cam/v?access_token=***"),
        ("http://cam/v", "http://cam/v"),
        ("http://cam/?usr=a&pw=b", "http://cam/?usr=***&pw=***"),
        ("http://cam/v?loginuse=a&loginpas=b&n=1", "http://cam/v?loginuse=***&loginpas=***&n=1"),
        ("http://cam/v?token=ab/cd==&n=1", "http://cam/v?token=***&n=1"),
        (
            "rtsp://cam/user=me_password=my_secret_channel=1.sdp",
            "rtsp://cam/user=***_password=***_channel=1.sdp",
        ),
        ("rtsp://cam/token=ab/cd", "rtsp://cam/token=***"),
        ("rtsp://[bad/x", "rtsp://…"),
        ("rtsp://me:p/w@cam/x", "rtsp://…"),
        ("rtsp://me:p#w@cam/x", "rtsp://…"),
        ("my_cam://me:pw@cam/x", "my://…"),
        ("me:pw@rtsp://cam/x", "me://…"),
    ],
)
def test_secrets_are_taken_out_of_addresses(url, shown):
    assert without_secrets(url) == shown
