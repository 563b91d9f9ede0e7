"""Recordings: what a kill or a slow disk leaves of them, and files that lie."""

import io
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import Bundle, sha256_of
from stzsar.runtime.bundle.manifest import PATCH_EMBEDDINGS
from stzsar.runtime.errors import RecordingError
from stzsar.runtime.recordings.file_format import (
    MAGIC,
    packed,
    packed_frames,
    packed_json,
    read_records,
)
from stzsar.runtime.recordings.recorder import Recorder, most_different
from stzsar.runtime.recordings.replay import Replay

KILLED = """
import sys, time
from pathlib import Path
import numpy as np
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.recordings.recorder import Recorder
bundle = Bundle.open(sys.argv[1])
recorder = Recorder(Path(sys.argv[2]), bundle, bundle.bank)
for number in range(1_000_000):
    states = {"colour": np.ones(3), "closeness": np.full(3, number)}
    recorder.add("camera", states, number / 4)
    time.sleep(0.001)
"""


def test_a_run_that_is_killed_leaves_what_it_saw(bundle, tmp_path):
    """Killed while it records: what was written so far is a whole recording but for its end."""
    path = tmp_path / "a.rec"
    command = [sys.executable, "-c", KILLED, str(bundle), str(path)]
    process = subprocess.Popen(command)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (path.exists() and path.stat().st_size > 8000):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    ends = [result.end_s for result in Replay(path, Bundle.open(bundle))]
    # Header and bank take less than 3000 bytes, and a frame with its part of a head less than 80.
    assert len(ends) > 30
    assert ends == [(number + 3) / 4 for number in range(len(ends))]


def header(bundle, **changes):
    return {
        "version": 1,
        "bundle": {
            "name": "colours",
            "frame": sha256_of(bundle / "frame.onnx"),
            "window": sha256_of(bundle / "window.onnx"),
        },
        "frames": 4,
        "rate_fps": 4.0,
        "states": ["colour", "closeness"],
        "features": [],
        **changes,
    }


def bank_record(bundle):
    file = io.BytesIO()
    Bundle.open(bundle).bank.save(file)
    return packed(b"B", file.getvalue())


def frames_record(count=4, **changes):
    arrays = {
        "time_s": np.arange(count) / 4,
        "time": np.full(count, np.nan),
        "rate_fps": np.full(count, 4.0),
        "flags": np.zeros(count, np.uint8),
        "colour": np.ones((count, 3), np.float32),
        "closeness": np.ones((count, 3), np.float32),
        **changes,
    }
    return packed_frames(0, {name: value for name, value in arrays.items() if value is not None})


STREAM = packed_json(b"S", {"stream": 0, "name": "x", "bank": 0})


def lying_frames(shape):
    head = json.dumps({"stream": 0, "arrays": [["time_s", "f8", shape]]}).encode()
    return packed(b"F", struct.pack("<I", len(head)) + head)


def bomb():
    """A bank that is small and unpacks to 200 MB."""
    file = io.BytesIO()
    np.savez_compressed(file, class_embeddings=np.zeros((50_000, 1000), np.float32))
    return packed(b"B", file.getvalue())


def stream_record(**changes):
    return packed_json(b"S", {"stream": 1, "name": "y", "bank": 0, **changes})


LIES = {
    "an empty file": lambda b: b"",
    "another file": lambda b: b"\x89PNG\r\n" * 50,
    "only its name": lambda b: MAGIC,
    "no header": lambda b: MAGIC + STREAM,
    "a header of a list": lambda b: MAGIC + packed(b"H", b"[]"),
    "a header of garbage": lambda b: MAGIC + packed(b"H", b"\xff\xfe{"),
    "nesting": lambda b: MAGIC + packed(b"H", b"[" * 100_000),
    "no version": lambda b: MAGIC + packed_json(b"H", {}),
    "other states": lambda b: MAGIC + packed_json(b"H", header(b, states=["frame"])),
    "features of its own": lambda b: MAGIC + packed_json(b"H", header(b, features=["x"])),
    "a window without end": lambda b: MAGIC + packed_json(b"H", header(b, frames=10**9)),
    "a rate of nothing": lambda b: MAGIC + packed_json(b"H", header(b, rate_fps=0)),
    "a rate of 400 digits": lambda b: MAGIC + packed_json(b"H", header(b, rate_fps=10**400)),
    "a stream with a rate of 400 digits": lambda b: good(b) + stream_record(rate_fps=10**400),
    "a stream of half a frame": lambda b: good(b) + stream_record(frames=0.5),
    "an unknown record": lambda b: good(b) + packed(b"X", b""),
    "a stream without labels": lambda b: MAGIC + packed_json(b"H", header(b)) + STREAM,
    "a stream of no name": lambda b: good(b) + packed_json(b"S", {"stream": 1, "bank": 0}),
    "a stream of labels that are none": lambda b: good(b) + stream_record(among=[]),
    "a stream of other labels": lambda b: good(b) + stream_record(among=["yellow"]),
    "a stream that steers terminals": lambda b: good(b) + stream_record(name="\x1b[2J"),
    "a stream of endless windows": lambda b: good(b) + stream_record(frames=10**9),
    "a bank of garbage": lambda b: MAGIC + packed_json(b"H", header(b)) + packed(b"B", b"PK"),
    "a bomb": lambda b: MAGIC + packed_json(b"H", header(b)) + bomb(),
    "frames of no stream": lambda b: good(b).replace(STREAM, b"") + frames_record(),
    "frames of a terabyte": lambda b: good(b) + lying_frames([10**12]),
    "frames of negative size": lambda b: good(b) + lying_frames([-1]),
    "a number that is none": lambda b: good(b) + lying_frames([True]),
    "frames without a state": lambda b: good(b) + frames_record(colour=None),
    "frames without times": lambda b: good(b) + frames_record(time_s=None),
    "fewer times than frames": lambda b: good(b) + frames_record(time_s=np.zeros(3)),
    "numbers that are none": lambda b: good(b) + frames_record(colour=np.full((4, 3), np.inf)),
    "a state without frames": lambda b: good(b) + frames_record(colour=np.float32(1)),
    "a state without labels": lambda b: good(b) + frames_record(closeness=np.ones(4, np.float32)),
    "a state of other labels": lambda b: (
        good(b) + frames_record(closeness=np.ones((4, 2), np.float32))
    ),
    "a record of no frames": lambda b: good(b) + frames_record(count=0),
    "times that no video has": lambda b: (
        good(b) + frames_record(time_s=np.asarray([-1.7e308, -1.7e308, 1.7e308, 1.7e308]))
    ),
    "a clock before 1970": lambda b: good(b) + frames_record(time=np.full(4, -1.0)),
    "a rate that no camera has": lambda b: good(b) + frames_record(rate_fps=np.full(4, 1e300)),
    "flags of another type": lambda b: good(b) + frames_record(flags=np.zeros(4)),
    "an end of no stream": lambda b: good(b) + packed_json(b"E", {"stream": 5}),
    "an empty record of frames": lambda b: good(b) + packed(b"F", b""),
    "a head that is too long": lambda b: good(b) + packed(b"F", b"\xff\xff\xff\xff"),
}


def good(bundle):
    return MAGIC + packed_json(b"H", header(bundle)) + bank_record(bundle) + STREAM


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_lies_is_one_sentence(bundle, tmp_path, lie):
    path = tmp_path / "a.rec"
    path.write_bytes(good(bundle) + frames_record())
    assert len(list(Replay(path, Bundle.open(bundle)))) == 1
    path.write_bytes(LIES[lie](bundle))
    with pytest.raises(RecordingError, match=r"a\.rec .*\.$") as caught:
        list(Replay(path, Bundle.open(bundle)))
    assert len(str(caught.value)) < 400


def test_a_length_beyond_the_end_is_never_allocated(bundle, tmp_path, caplog):
    path = tmp_path / "a.rec"
    path.write_bytes(good(bundle) + struct.pack("<cII", b"F", 2**32 - 1, 0))
    assert list(Replay(path, Bundle.open(bundle))) == []
    assert "was cut off" in caplog.text
    # A sparse file of 5 GiB holds, by its size, what the length says.
    os.truncate(path, 5 << 30)
    with pytest.raises(RecordingError, match="is damaged"):
        list(Replay(path, Bundle.open(bundle)))


def test_what_is_missing_or_no_file_is_said(bundle, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("none", "No such file"), ("pipe", "Not a regular"), (".", "Not a regular")):
        with pytest.raises(RecordingError, match=why):
            Replay(tmp_path / name, Bundle.open(bundle))


def test_a_newer_version_is_refused(bundle, tmp_path):
    (tmp_path / "a.rec").write_bytes(MAGIC + packed_json(b"H", header(bundle, version=3)))
    with pytest.raises(RecordingError, match=r"of version 3 .*upgrade stzsar"):
        Replay(tmp_path / "a.rec", Bundle.open(bundle))


def test_a_disk_that_takes_nothing_costs_frames_and_never_time_or_memory(bundle, tmp_path):
    """A pipe that nobody reads is full after 64 KiB; afterwards it is read to its end."""
    opened = Bundle.open(bundle)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    recorder = Recorder(tmp_path / "pipe", opened, opened.bank)
    large = {"colour": np.ones(20_000), "closeness": np.ones(3)}
    for number in range(800):
        recorder.add("camera", large, number / 4)
    assert 0 < recorder.dropped < 800
    assert recorder.dropped % 16 == 0
    os.set_blocking(reader, True)
    closing = threading.Thread(target=recorder.close, args=(60,))
    closing.start()
    parts = []
    while part := os.read(reader, 1 << 20):
        parts.append(part)
    kept = b"".join(parts)
    closing.join(60)
    (tmp_path / "kept.rec").write_bytes(kept)
    kinds = [kind for kind, _ in read_records(tmp_path / "kept.rec")]
    assert kinds.count(b"F") == (800 - recorder.dropped) // 16
    assert len(kept) < 40 << 20
    os.close(reader)


def test_no_window_spans_frames_that_were_dropped(bundle, tmp_path, monkeypatch):
    opened = Bundle.open(bundle)
    recorder = Recorder(tmp_path / "a.rec", opened, opened.bank)
    put = recorder._writer.put
    states = {"colour": np.ones(3), "closeness": np.ones(3)}
    for number in range(48):
        refused = 16 <= number < 32
        monkeypatch.setattr(
            recorder._writer,
            "put",
            (lambda _record, *, droppable: not droppable) if refused else put,
        )
        recorder.add("camera", states, number / 4)
    recorder.close()
    assert recorder.dropped == 16
    found = list(Replay(tmp_path / "a.rec", opened))
    assert len(found) == 2 * 13
    assert max(result.gap_s for result in found) == 0.25


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_said_in_one_sentence(bundle):
    opened = Bundle.open(bundle)
    recorder = Recorder(Path("/dev/full"), opened, opened.bank)
    with pytest.raises(RecordingError, match=r"Cannot write the recording /dev/full: No space"):
        recorder.close()


def test_a_folder_that_is_not_there_is_said(bundle, tmp_path):
    opened = Bundle.open(bundle)
    with pytest.raises(RecordingError, match="No such file or directory"):
        Recorder(tmp_path / "none" / "a.rec", opened, opened.bank)


def test_the_patches_that_are_kept_are_the_most_different_in_their_order():
    """Three kinds of patches, in many copies that are nearly alike: one of each is kept."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(3, size=40)
    patches = 7 * np.eye(8)[kinds] + 0.01 * rng.standard_normal((40, 8))
    kept = most_different(patches, 3)
    assert sorted(kept.argmax(1)) == [0, 1, 2]
    places = [int(np.flatnonzero((patches == row).all(1))[0]) for row in kept]
    assert places == sorted(places)
    np.testing.assert_array_equal(most_different(patches, 40), patches)
    assert len({row.tobytes() for row in most_different(np.zeros((9, 4)), 5)}) == 1
    assert most_different(np.zeros((9, 4)), 5).shape == (5, 4)


def test_patches_are_recorded_as_directions_that_fit_into_fp16(recognizer, tmp_path):
    recorder = Recorder(
        tmp_path / "a.rec", recognizer.bundle, recognizer.scorer.bank, features=True, patches=None
    )
    huge = np.asarray([[3e5, 0, 4e5], [0, 0, 0], [0, 1e-8, 0], [1, 0, 0]], np.float32)
    found = recorder._kept(PATCH_EMBEDDINGS, huge)
    recorder.close()
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, [[0.6, 0, 0.8], [0, 0, 0], [0, 1, 0], [1, 0, 0]], atol=1e-3)


def test_checksums_are_those_of_zlib(bundle, tmp_path):
    """The file can be read by other programs, from its description alone."""
    data = good(bundle)[len(MAGIC) :]
    kind, length, crc = struct.unpack_from("<cII", data)
    assert kind == b"H"
    assert zlib.crc32(data[9 : 9 + length]) == crc
    assert json.loads(data[9 : 9 + length])["frames"] == 4
