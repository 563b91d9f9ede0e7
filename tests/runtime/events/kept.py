"""What tests of kept events ask of a folder: it agrees with the run, is whole, and shows it."""

import json
import sqlite3
from pathlib import Path

import cv2
import numpy as np

from stzsar.runtime.events.record import StoredEvent
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.sources.moving_shapes import MovingShapesCapture


def events_in(lines: str) -> list[dict]:
    found = [json.loads(line) for line in lines.splitlines()]
    return [one for one in found if one["type"] == "event"]


def stored(folder: Path) -> list[StoredEvent]:
    with EventStore(folder / "events.sqlite") as store:
        return store.find()


def assert_store_agrees(folder: Path, lines: str) -> None:
    """Each start and end of the JSON lines is a row, and the other way round."""
    said = {
        kind: sorted(
            (one["source"], one.get("region") or "", one["label"], one["time_s"], *more(one))
            for one in events_in(lines)
            if one["event"] == kind
        )
        for kind, more in (
            ("start", lambda one: (one["time"] or 0.0,)),
            ("end", lambda one: (one["peak"],)),
        )
    }
    rows = stored(folder)
    places = [(row.source, row.region or "", row.label) for row in rows]
    assert said["start"] == sorted(
        (*place, round(row.start_s, 3), round(row.time or 0.0, 3))
        for place, row in zip(places, rows, strict=True)
    )
    assert said["end"] == sorted(
        (*place, round(row.end_s, 3), round(row.peak, 4))
        for place, row in zip(places, rows, strict=True)
    )
    assert {row.state for row in rows} == {"ended"}


def check_after_kill(folder: Path) -> None:
    """The store opens, and every file under a final name is whole."""
    with sqlite3.connect(folder / "events.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for clip in folder.glob("clips/*/*.mp4"):
        if clip.name.startswith("."):
            continue
        capture = cv2.VideoCapture(str(clip))
        count, read = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0
        while capture.read()[0]:
            read += 1
        assert read == count > 0, clip
    for still in folder.glob("stills/*/*.jpg"):
        if not still.name.startswith("."):
            assert still.read_bytes()[-2:] == b"\xff\xd9", still


def clip_start_s(event: StoredEvent, around_s: float) -> float:
    """The first event may begin before its clip can have all that was ahead of it."""
    return max(0.0, event.start_s - around_s)


def clip_seconds(folder: Path, event: StoredEvent) -> float:
    capture = cv2.VideoCapture(str(folder / (event.clip or "")))
    return capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS)


def read_with_times(clip: Path) -> list[tuple[float, np.ndarray]]:
    """All pictures of a clip, with the seconds at which they are shown."""
    capture, found = cv2.VideoCapture(str(clip)), []
    while capture.grab():
        found.append((capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, capture.retrieve()[1]))
    return found


def assert_shows_the_moment(
    folder: Path, event: StoredEvent, camera: MovingShapesCapture, *, around_s: float
) -> None:
    """What a clip shows in the middle of an event is what the camera showed then."""
    assert event.clip
    from_s = clip_start_s(event, around_s)
    middle_s = (event.start_s + event.end_s) / 2
    # By time: a machine that is busy skips pictures, and not the same number on both sides.
    pictures = read_with_times(folder / event.clip)
    shown = min(pictures, key=lambda one: abs(one[0] - (middle_s - from_s)))[1].astype(np.float32)

    def closest(middle_s: float) -> float:
        # Fast motions need fine steps: what shakes is elsewhere after a thirtieth of a second.
        times = np.arange(middle_s - 0.3, middle_s + 0.3, 1 / 100)
        return min(float(np.square(camera.picture(float(t)) - shown).mean()) for t in times)

    assert closest(middle_s) < 100, (event.start_s, event.end_s, [t for t, _ in pictures])
    assert closest(middle_s) < 0.1 * closest(middle_s + 5)  # another action


def greys(path) -> list[int]:
    """The grey in the middle of each picture of a video."""
    capture, found = cv2.VideoCapture(str(path)), []
    while True:
        there, image = capture.read()
        if not there:
            return found
        height, width = image.shape[:2]
        found.append(int(image[height // 2, width // 2].mean()))
