"""Eight live streams with regions that keep their events for minutes, in a process of its own."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

import pytest

from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.sources.moving_shapes import MovingShapesCapture
from stzsar.runtime.video import pyav

from ..events.kept import (
    assert_shows_the_moment,
    assert_store_agrees,
    check_after_kill,
    clip_seconds,
    clip_start_s,
    stored,
)

RUN = (sys.executable, "-m", "stzsar.runtime.command.cli")
SHAPES, FPS = 7, 10
AROUND_S = 2.0
PLAYED = 6
STREAM = """
[[stream]]
name = "{name}"
source = "{source}"

[[stream.region]]
name = "all"
box = [0, 0, 1, 1]

[[stream.region]]
name = "middle"
box = [0.1, 0.1, 0.9, 0.9]
rate = 2
"""


def memory_of(process: subprocess.Popen) -> list[int]:
    """Return the memory of a process, in bytes, once a second until it has ended."""
    samples, page = [], os.sysconf("SC_PAGESIZE")
    while process.poll() is None:
        try:
            samples.append(page * int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]))
        except (OSError, IndexError):
            break
        time.sleep(1)
    return samples


@pytest.mark.soak
@pytest.mark.timeout(1500)
@pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")
@pytest.mark.parametrize("seconds", [180, 600])
def test_soak_eight_streams_with_regions_keep_clips_that_play_and_show_the_moment(
    rtsp_server, tmp_path, seconds, chromium
):
    cameras = {
        f"shapes{seed}": f"test://moving-shapes?fps={FPS}&seed={seed}" for seed in range(SHAPES)
    }
    streams = {**cameras, "hall": rtsp_server().url()}
    (tmp_path / "streams.toml").write_text(
        "".join(STREAM.format(name=name, source=source) for name, source in streams.items())
    )
    folder, output = tmp_path / "events", tmp_path / "lines.jsonl"
    process = subprocess.Popen(
        [*RUN, "--streams", tmp_path / "streams.toml", "--events", folder, "--output", output,
         "--bundle", shipped_bundle(), "--seconds", str(seconds), "--quiet",
         "--before", str(AROUND_S), "--after", str(AROUND_S), "--clip-memory", "64",
         "--clip-rate", "5", "--threshold", "0.8", "--min-length", "1"],
    )  # fmt: skip
    samples: list[int] = []
    watcher = threading.Thread(target=lambda: samples.extend(memory_of(process)))
    watcher.start()
    assert process.wait() == 0
    watcher.join()

    lines = output.read_text()
    assert_store_agrees(folder, lines)
    check_after_kill(folder)
    events = stored(folder)
    results = [one for one in map(json.loads, lines.splitlines()) if one["type"] == "result"]
    assert {(one["source"], one["region"]) for one in results} == {
        (name, region) for name in streams for region in ("all", "middle")
    }
    whole = [
        one
        for one in events
        if one.clip
        and one.source in cameras
        and one.region == "all"
        and not one.left_out
        # Of a longer one, the middle may be another action's; a shorter clip has a gap, in which a
        # busy machine gave the camera no time.
        and 2.0 < one.duration_s < 4.8
        # While all streams open, the first pictures come late.
        and one.start_s > AROUND_S + 1
        and clip_seconds(folder, one) > one.end_s + AROUND_S - clip_start_s(one, AROUND_S) - 0.4
    ]
    third = len(samples) // 3
    begin, end = median(samples[third : 2 * third]), median(samples[-third:])
    clips = sum(bool(one.clip) for one in events)
    print(
        f"\n{len(streams)} streams, {2 * len(streams)} regions, {seconds} s: {len(results)} "
        f"results, {len(events)} events, {clips} clips, {len(whole)} of them looked at, "
        f"memory {begin / 2**20:.1f} to {end / 2**20:.1f} MiB, most {max(samples) / 2**20:.1f}"
    )
    for event in whole:
        camera = MovingShapesCapture(fps=FPS, seed=int(event.source.removeprefix("shapes")))
        assert_shows_the_moment(folder, event, camera, around_s=AROUND_S)
    for event in whole[:: max(1, len(whole) // PLAYED)]:
        assert "PLAYED 256x256 of" in chromium(folder / (event.clip or ""), 0.5)

    assert len(whole) >= 3
    assert clips >= 0.9 * len(events)
    assert end <= 1.05 * begin
