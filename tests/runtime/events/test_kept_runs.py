"""Whole runs that keep events: as their JSON lines say, playable, and never half after a kill."""

import functools
import http.server
import json
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import MANIFEST, sha256_of, shipped_bundle
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.sources.moving_shapes import MovingShapesCapture
from stzsar.runtime.video import pyav

RUN = (sys.executable, "-m", "stzsar.runtime.command.cli")
PAGE = """<html><body><pre id="said">wait</pre><script>
const video = document.createElement("video");
const say = text => document.getElementById("said").textContent = text;
video.muted = true;
video.onloadedmetadata = () => { video.currentTime = video.duration / 2; };
video.onseeked = () => video.play();
video.ontimeupdate = () => {
  if (!video.seeking && video.currentTime > video.duration / 2 + 0.5)
    say(`PLAYED ${video.videoWidth}x${video.videoHeight} from the middle of ${video.duration} s`);
};
video.onerror = () => say(`REFUSED ${video.error.message}`);
video.src = "clip.mp4";
</script></body></html>"""


def events_in(lines: str) -> list[dict]:
    found = [json.loads(line) for line in lines.splitlines()]
    return [one for one in found if one["type"] == "event"]


def stored(folder: Path):
    with EventStore(folder / "events.sqlite") as store:
        return store.find()


def told_of_a_start(lines: Path) -> bool:
    return lines.exists() and '"start"' in lines.read_text()


def assert_store_agrees(folder: Path, lines: str) -> None:
    """Each start and end of the JSON lines is a row, and the other way round."""
    said = [
        (one["source"], one["label"], one["event"], one["time_s"], one["time"], one["peak"])
        for one in events_in(lines)
    ]
    rows = stored(folder)
    starts = [one for one in said if one[2] == "start"]
    ends = [one for one in said if one[2] == "end"]
    assert sorted(one[:2] + one[3:5] for one in starts) == sorted(
        (row.source, row.label, round(row.start_s, 3), row.time and round(row.time, 3))
        for row in rows
    )
    assert sorted((*one[:2], one[3], one[5]) for one in ends) == sorted(
        (row.source, row.label, round(row.end_s, 3), round(row.peak, 4)) for row in rows
    )
    assert {row.state for row in rows} == {"ended"}


@pytest.fixture(scope="module")
def shapes_run(tmp_path_factory):
    """Thirteen seconds of MovingShapes, watched by the bundle that ships."""
    folder = tmp_path_factory.mktemp("kept")
    done = subprocess.run(
        [*RUN, "--source", "test://moving-shapes?seconds=13", "--events", folder / "events",
         "--before", "2", "--after", "2", "--bundle", shipped_bundle(), "--threads", "1"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return folder / "events", done.stdout


@pytest.mark.live
def test_the_store_agrees_with_the_lines_of_the_run(shapes_run):
    folder, lines = shapes_run
    assert_store_agrees(folder, lines)
    rows = stored(folder)
    assert len(rows) >= 2
    assert {row.bundle for row in rows} == {sha256_of(shipped_bundle() / MANIFEST)}
    for row in rows:
        assert max(score for _, score in row.scores) == pytest.approx(row.peak, abs=1e-3)


@pytest.mark.live
def test_the_middle_picture_of_a_clip_is_the_middle_of_its_event(shapes_run):
    folder, _ = shapes_run
    camera = MovingShapesCapture()
    looked_at = 0
    for event in stored(folder)[:2]:
        capture = cv2.VideoCapture(str(folder / event.clip))
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.set(cv2.CAP_PROP_POS_FRAMES, count // 2)
        shown = capture.read()[1].astype(np.float32)
        # The first event begins before its clip can have two seconds ahead of it.
        from_s = max(0.0, event.start_s - 2)
        middle_s = (from_s + event.end_s + 2) / 2
        assert event.start_s < middle_s < event.end_s

        def closest(around_s, shown=shown):
            times = np.arange(around_s - 0.3, around_s + 0.3, 1 / 30)
            return min(np.square(camera.picture(float(t)) - shown).mean() for t in times)

        assert closest(middle_s) < 100
        assert closest(middle_s) < 0.2 * closest(middle_s + 0.9)  # another phase of the motion
        assert closest(middle_s) < 0.1 * closest(middle_s + 5)  # another action
        looked_at += 1
    assert looked_at == 2


@pytest.mark.live
@pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")
def test_a_real_browser_plays_a_clip_from_its_middle(shapes_run, tmp_path):
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium: apt install what tests/debian_packages.txt lists")
    folder, _ = shapes_run
    shutil.copy(folder / stored(folder)[1].clip, tmp_path / "clip.mp4")
    (tmp_path / "page.html").write_text(PAGE)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *arguments):  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = subprocess.run(
            [
                *(program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *(f"--user-data-dir={tmp_path}/profile", "--disable-background-networking"),
                *("--autoplay-policy=no-user-gesture-required", "--virtual-time-budget=20000"),
                *("--timeout=25000", "--dump-dom"),
                f"http://127.0.0.1:{server.server_address[1]}/page.html",
            ],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()

    assert "PLAYED 256x256 from the middle of" in done.stdout


@pytest.mark.usefixtures("decoder")
def test_a_file_has_every_picture_of_its_events(run_cli, draw_video, bundle, tmp_path):
    colours = ["red"] * 48 + ["blue"] * 48 + ["green"] * 48
    file = draw_video(tmp_path / "clip.avi", colours, fps=8)
    result = run_cli(
        *("--bundle", bundle, "--source", file, "--events", tmp_path / "events"),
        *("--before", 1, "--after", 1),
    )
    assert result.exit_code == 0, result.stderr

    assert_store_agrees(tmp_path / "events", result.stdout)
    events = stored(tmp_path / "events")
    assert [one.label for one in events] == ["red", "blue", "green"]
    for event in events:
        assert event.left_out == 0
        assert event.time is None
        capture = cv2.VideoCapture(str(tmp_path / "events" / event.clip))
        seconds = capture.get(cv2.CAP_PROP_FRAME_COUNT) / 10
        wanted = min(18.0, event.end_s + 1) - max(0.0, event.start_s - 1)
        assert seconds == pytest.approx(wanted, abs=0.3)


@pytest.mark.parametrize("option", ["--before", "--after", "--clip-rate", "--clip-memory"])
def test_options_of_clips_need_a_folder(run_cli, assert_refused, option):
    assert_refused(run_cli(option, 5), f"{option} requires --events")
    assert_refused(run_cli("--keep", "clips=7d"), "--keep requires --events")


def test_a_limit_that_cannot_be_read_is_refused(run_cli, assert_refused, tmp_path):
    assert_refused(run_cli("--events", tmp_path, "--keep", "clips=forever"), "--keep takes clips=")


def test_a_folder_that_another_run_writes_into_is_refused(
    run_cli, assert_refused, bundle, red_video, tmp_path
):
    from stzsar.runtime.events.folder import EventFolder

    with EventFolder(tmp_path / "events").lock():
        result = run_cli("--bundle", bundle, "--source", red_video, "--events", tmp_path / "events")
    assert_refused(result, "Another run writes its events into")


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


@pytest.mark.live
@pytest.mark.parametrize(
    "kills", [3, pytest.param(20, marks=pytest.mark.slow)], ids=["a few", "twenty"]
)
def test_a_kill_at_any_moment_loses_nothing_but_the_open_event(tmp_path, kills):
    chance = random.Random(kills)
    folder = tmp_path / "events"
    known: dict[int, str] = {}
    lines = tmp_path / "lines.jsonl"
    for number in range(kills):
        process = subprocess.Popen(
            [*RUN, "--source", f"test://moving-shapes?seed={number}", "--events", folder,
             "--before", "1", "--after", "0", "--bundle", shipped_bundle(), "--threads", "1",
             "--output", lines, "--events-only"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while not (folder / "events.sqlite").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        # One event at least, however slow the machine is.
        while number == 0 and not told_of_a_start(lines) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(chance.uniform(0.5, 9.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()

        check_after_kill(folder)
        rows = {row.id: row for row in stored(folder)}
        assert set(known) <= set(rows)
        for id_, label in known.items():
            assert rows[id_].label == label
            assert rows[id_].state != "open" or id_ == max(known)
        assert sum(row.state == "open" for row in rows.values()) <= 1
        known = {id_: row.label for id_, row in rows.items()}

    done = subprocess.run(
        [*RUN, "--source", "test://moving-shapes?seconds=1", "--events", folder,
         "--bundle", shipped_bundle(), "--threads", "1"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = stored(folder)
    assert known
    assert {row.state for row in rows} <= {"ended", "cut"}
    named = {name for row in rows for name in (row.clip, row.still, row.annotated) if name}
    there = {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*") if path.is_file()}
    assert named == there
    # Every start that the lines tell of is in the store, but perhaps the one of the last moment.
    said = events_in((tmp_path / "lines.jsonl").read_text())
    starts = [one["time"] for one in said if one["event"] == "start"]
    missing = [t for t in starts if not any(abs((row.time or 0) - t) < 0.01 for row in rows)]
    assert len(missing) <= kills
    assert len(missing) <= len(starts) // 4
    assert done.returncode == 0
