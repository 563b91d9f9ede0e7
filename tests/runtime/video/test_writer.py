"""Annotated videos play in browsers, with PyAV and without, in the right colours."""

import cv2
import numpy as np
import pytest

from stzsar.runtime.video import opencv_writer, pyav
from stzsar.runtime.video.mp4_index import put_index_in_front
from stzsar.runtime.video.writer import open_writer

from ...browser import play

needs_pyav = pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")


def write(path, colours, *, size_wh=(320, 240), fps=10.0):
    writer = open_writer(path, fps, size_wh)
    for colour in colours:
        writer.write(np.full((*size_wh[::-1], 3), colour, np.uint8))
    writer.close()


@needs_pyav
def test_the_file_is_h264_with_its_index_in_front_and_says_its_colours(tmp_path):
    av = pyav.load_av()
    assert av
    write(tmp_path / "a.mp4", [(0, 0, 255)] * 30)

    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (int(context.colorspace), int(context.color_range)) == (6, 1)
        assert container.duration == 3_000_000
    data = (tmp_path / "a.mp4").read_bytes()
    assert -1 < data.index(b"moov") < data.index(b"moof")


@pytest.mark.parametrize("size_wh", [(320, 240), (1280, 720)])
def test_colours_come_back_as_they_were(tmp_path, decoder, size_wh):
    if decoder == "OpenCV" and size_wh == (1280, 720):
        pytest.skip("OpenCV does not say which colours it writes")
    colours = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (200, 120, 40), (128, 128, 128)]
    write(tmp_path / "a.mp4", [colour for colour in colours for _ in range(10)], size_wh=size_wh)

    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    pictures = [capture.read()[1] for _ in range(10 * len(colours))]

    for colour, picture in zip(colours, pictures[5::10], strict=True):
        assert np.abs(picture.mean((0, 1)) - colour).max() < 6


@needs_pyav
def test_without_pyav_the_file_is_vp9_with_its_index_in_front(tmp_path, monkeypatch):
    av = pyav.load_av()
    assert av
    monkeypatch.setattr(pyav, "load_av", lambda: None)
    write(tmp_path / "a.mp4", [(0, 0, 8 * level) for level in range(30)])

    with av.open(str(tmp_path / "a.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("vp9", "yuv420p")
        levels = [frame.to_ndarray(format="bgr24")[..., 2].mean() for frame in container.decode()]
    assert levels == pytest.approx([8 * level for level in range(30)], abs=6)
    data = (tmp_path / "a.mp4").read_bytes()
    assert -1 < data.index(b"moov") < data.index(b"mdat")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    put_index_in_front(tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == data


def test_an_opencv_without_vp9_writes_mpeg4_and_says_that_browsers_do_not_play_it(
    tmp_path, monkeypatch
):
    said: list[str] = []
    ways = list(opencv_writer._ways(str(tmp_path / "a.mp4")))
    monkeypatch.setattr(pyav, "load_av", lambda: None)
    monkeypatch.setattr(opencv_writer, "_ways", lambda _name: ways[-1:])
    monkeypatch.setattr(opencv_writer.log, "warning", said.append)

    write(tmp_path / "a.mp4", [(0, 0, 200)] * 3)

    assert "browsers do not play" in said[0]
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).read()[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"moov",
        b"\0\0\0\x08mdat\0\0\0\x04moov",
        b"\0\0\0\x08mdat\0\0\0\x10moov\0\0\0\xfftrak",
        b"\0\0\0\x08mdat\xff\xff\xff\xffmoov",
    ],
)
def test_a_file_of_another_form_stays_as_it_is(tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)

    put_index_in_front(tmp_path / "a.mp4")

    assert (tmp_path / "a.mp4").read_bytes() == content


@pytest.mark.live
def test_a_real_browser_plays_the_file_from_a_plain_server(tmp_path, decoder):
    write(tmp_path / "a.mp4", [(0, 0, level) for level in range(0, 250, 10)])
    assert "PLAYED 320x240 of 2.5 s" in play(tmp_path / "a.mp4"), decoder
