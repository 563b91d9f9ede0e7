"""What lies under a mask changes nothing that a run writes, not by a byte."""

import json
import struct

import cv2
import numpy as np
import pytest


@pytest.fixture
def paint_video(tmp_path):
    """Write four seconds of red and four of blue; something is painted into the upper left part."""

    def paint(name, hidden_bgr):
        path = tmp_path / name / "clip.mkv"
        path.parent.mkdir()
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 8, (64, 48))
        for number in range(64):
            # FFV1 has no loss: what is painted changes nothing beside it.
            image = np.full((48, 64, 3), (0, 0, 255) if number < 32 else (255, 0, 0), np.uint8)
            image[:16, :32] = hidden_bgr
            if number % 2:
                image[4:12, 4:12] = 255
            writer.write(image)
        writer.release()
        return path

    return paint


def all_files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def frames_in(recording: bytes) -> list[bytes]:
    """The records of frames; the header and the bank hold the time of their writing."""
    at, found = len(b"STZSAR-RECORDING\n"), []
    while at < len(recording):
        kind, size, _ = struct.unpack_from("<cII", recording, at)
        if kind == b"F":
            found.append(recording[at : at + 9 + size])
        at += 9 + size
    assert found
    return found


# A little more than what is painted, since video halves the resolution of colours.
BOX = "[[0, 0, 0.54, 0.38]]"
POLYGON = "[[[0, 0], [0.54, 0], [0.54, 0.38], [0, 0.38]]]"


@pytest.mark.parametrize("mask", [BOX, POLYGON], ids=["box", "polygon"])
def test_what_is_under_a_mask_is_found_nowhere(run_cli, bundle, paint_video, tmp_path, mask):
    written = {}
    for name, colour in (("plain", (0, 0, 0)), ("painted", (255, 0, 255))):
        paint_video(name, colour)
        folder = tmp_path / name
        (folder / "streams.toml").write_text(
            f'[[stream]]\nname = "hall"\nsource = "clip.mkv"\nmask = {mask}\n'
        )
        out = folder / "out"
        out.mkdir()
        result = run_cli(
            *("--bundle", bundle, "--streams", folder / "streams.toml", "--explain"),
            *("--events", out / "events", "--video", out / "annotated.mp4"),
            *("--record", out / "record", "--record-features", "--output", out / "lines.jsonl"),
            *("--before", 1, "--after", 1, "--min-length", 0),
        )
        assert result.exit_code == 0, result.stderr
        written[name] = all_files(out)

    plain, painted = written["plain"], written["painted"]
    assert set(plain) == set(painted)
    assert any(name.endswith(".mp4") and "clips" in name for name in plain)
    for name, data in plain.items():
        if name.endswith(".sqlite"):
            continue  # it holds when it was written
        if name == "record":
            assert frames_in(data) == frames_in(painted[name])
        else:
            assert data == painted[name], name
    events = [json.loads(line) for line in plain["lines.jsonl"].splitlines()]
    assert {one["label"] for one in events if one["type"] == "event"} == {"red", "blue"}
    assert all(b"\xff\x00\xff" not in data for data in painted.values())


def test_without_the_mask_it_is_found(run_cli, bundle, paint_video, tmp_path):
    """The test above can fail."""
    lines = {}
    for name, colour in (("plain", (0, 0, 0)), ("painted", (0, 255, 0))):
        file = paint_video(name, colour)
        lines[name] = run_cli("--bundle", bundle, "--source", file).stdout
    assert len(set(lines["plain"].splitlines()) & set(lines["painted"].splitlines())) < 5


def test_a_live_stream_shows_nothing_that_is_under_a_mask(run_cli, bundle, tmp_path):
    (tmp_path / "streams.toml").write_text(
        '[[stream]]\nname = "shapes"\nsource = "test://moving-shapes?seconds=3"\n'
        "mask = [[0, 0, 1, 0.5]]\n"
    )
    result = run_cli(
        *("--bundle", bundle, "--streams", tmp_path / "streams.toml", "--quiet"),
        *("--events", tmp_path / "events", "--video", tmp_path / "annotated.mp4"),
        *("--min-length", 0, "--threshold", 0.01, "--before", 1, "--after", 1),
    )
    assert result.exit_code == 0, result.stderr
    stills = [
        path
        for path in (tmp_path / "events" / "stills").glob("*/*.jpg")
        if "annot" not in path.name
    ]
    assert stills
    for still in stills:
        picture = cv2.imread(str(still))
        assert picture is not None
        assert picture[:120].max() < 10
        assert picture[136:].max() > 10
    for clip in (tmp_path / "events" / "clips").glob("*/*.mp4"):
        capture = cv2.VideoCapture(str(clip))
        while (read := capture.read())[0]:
            assert read[1][:120].max() < 20


def test_whole_files_have_no_mask(run_cli, bundle, paint_video, tmp_path, assert_refused):
    paint_video("a", (0, 0, 0))
    (tmp_path / "a" / "streams.toml").write_text(
        '[[stream]]\nname = "hall"\nsource = "clip.mkv"\nmask = [[0, 0, 1, 0.5]]\n'
    )
    result = run_cli("--bundle", bundle, "--streams", tmp_path / "a" / "streams.toml", "--whole")
    assert_refused(result, "has a mask")
