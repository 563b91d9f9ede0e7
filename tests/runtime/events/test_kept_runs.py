"""Whole runs that keep events: as their JSON lines say, playable, and never half after a kill."""

import random
import signal
import subprocess
import sys
import time

import cv2
import pytest

from stzsar.runtime.bundle.bundle import MANIFEST, sha256_of, shipped_bundle
from stzsar.runtime.sources.moving_shapes import MovingShapesCapture
from stzsar.runtime.video import pyav

from .kept import assert_shows_the_moment, assert_store_agrees, check_after_kill, events_in, stored

RUN = (sys.executable, "-m", "stzsar.runtime.command.cli")


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
    looked_at = stored(folder)[:2]
    assert len(looked_at) == 2
    for event in looked_at:
        assert_shows_the_moment(folder, event, MovingShapesCapture(), around_s=2)


@pytest.mark.live
@pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")
def test_a_real_browser_plays_a_clip_from_its_middle(shapes_run, chromium):
    folder, _ = shapes_run

    assert chromium(folder / stored(folder)[1].clip, 0.5).startswith("PLAYED 256x256 of ")


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
        time.sleep(chance.uniform(0.5, 9.0))
        while number == kills - 1 and not stored(folder) and time.monotonic() < deadline:
            time.sleep(0.1)  # on a busy machine, nothing may have happened yet
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
