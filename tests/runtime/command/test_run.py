"""Whole runs of the command: live sources, streams of their own, recordings, calibrations."""

import json
import math
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest

from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.streams import loop
from stzsar.runtime.streams.stream import StreamOptions

SHAPES = "test://moving-shapes?seconds={seconds}&seed={seed}"


def shapes(seconds: float, seed: int = 0) -> str:
    return SHAPES.format(seconds=seconds, seed=seed)


def messages(text: str, kind: str = "result") -> list[dict]:
    found = [json.loads(line) for line in text.splitlines()]
    return [message for message in found if message["type"] == kind]


@pytest.fixture
def run(run_cli, bundle):
    """Run stzsar-run with the fixture's bundle; it must end well."""

    def run_well(*arguments):
        result = run_cli("--bundle", bundle, *arguments)
        assert result.exit_code == 0, result.stderr
        return result

    return run_well


@pytest.fixture
def serve_mjpeg(picture):
    """An HTTP camera that shows pictures once, and then is gone."""
    servers = []

    def serve(colours, fps):
        shown = threading.Event()

        class Camera(BaseHTTPRequestHandler):
            def do_GET(self):
                if shown.is_set():
                    return self.send_error(404)
                shown.set()
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
                self.end_headers()
                for colour in colours:
                    _, jpeg = cv2.imencode(".jpg", picture(colour))
                    self.wfile.write(b"--b\r\nContent-Type: image/jpeg\r\n\r\n")
                    self.wfile.write(jpeg.tobytes() + b"\r\n")
                    self.wfile.flush()
                    time.sleep(1 / fps)
                return None

            def log_message(self, format, *args): ...  # noqa: A002

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Camera))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/video.mjpg"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.live
def test_a_file_and_the_same_as_a_live_stream_give_the_same_labels(
    run_cli, draw_video, tmp_path, serve_mjpeg, bundle
):
    colours = ["red"] * 12 + ["blue"] * 12 + ["green"] * 12
    file = draw_video(tmp_path / "clip.avi", colours, fps=8)

    whole = messages(run_cli("--bundle", bundle, "--source", file).stdout)
    live = messages(
        run_cli(
            *("--bundle", bundle, "--source", serve_mjpeg(colours, fps=8), "--rate", 4),
            *("--give-up", 0.5, "--stalled", 60),
        ).stdout
    )

    def order(rows):
        return [
            row["label"]
            for before, row in zip([{"label": ""}, *rows], rows, strict=False)
            if row["label"] != before["label"]
        ]

    assert order(whole) == order(live) == ["red", "blue", "green"]
    assert all(row["time"] and row["age_ms"] >= 0 for row in live)


def test_live_sources_and_files_run_side_by_side(run, red_video):
    result = run("--source", shapes(2), "--source", red_video, "--source", shapes(2, 1))

    found = messages(result.stdout)
    assert len({row["source"] for row in found}) == 3
    assert len([row for row in found if row["source"] == str(red_video)]) == 5
    states = messages(result.stdout, "stream")
    assert [row["state"] for row in states if row["source"] == shapes(2)] == [
        *("connecting", "live", "ended"),
    ]


def test_streams_of_a_file_have_names_labels_thresholds_and_rates_of_their_own(
    run, tmp_path, red_video
):
    (tmp_path / "warm.txt").write_text("red\nyellow\n")
    (tmp_path / "streams.toml").write_text(
        f"""
        [[stream]]
        name = "door"
        source = "{red_video}"
        labels = "warm.txt"
        threshold = 0.999
        [[stream]]
        name = "hall"
        source = "{red_video}"
        rate = 8
        """
    )

    found = messages(run("--streams", tmp_path / "streams.toml").stdout)

    door, hall = ([row for row in found if row["source"] == name] for name in ("door", "hall"))
    assert {score["label"] for score in door[0]["top"]} == {"red", "yellow"}
    assert {score["label"] for score in hall[0]["top"]} == {"red", "green", "blue"}
    assert sum(score["score"] for score in door[0]["top"]) == pytest.approx(1, abs=1e-3)
    assert {row["decision"] for row in door} == {None}
    assert {row["decision"] for row in hall} == {"red"}
    assert (len(door), len(hall)) == (5, 13)
    assert (door[0]["rate_fps"], hall[0]["rate_fps"]) == (4, 8)


def test_one_name_with_two_meanings_is_refused(run_cli, bundle, tmp_path, red_video):
    for name, attributes in (("a", ["ruby"]), ("b", ["grass"])):
        label = {"label": "red", "attributes": attributes}
        (tmp_path / f"{name}.json").write_text(json.dumps([label]))
    streams = [
        f'[[stream]]\nname = "{n}"\nsource = "{red_video}"\nlabels = "{n}.json"' for n in "ab"
    ]
    (tmp_path / "streams.toml").write_text("\n".join(streams))

    result = run_cli("--bundle", bundle, "--streams", tmp_path / "streams.toml")

    assert result.exit_code == 2
    assert "mean different things by 'red'" in result.stderr


def test_a_window_has_the_length_that_is_asked_for(run, run_cli, bundle, red_video):
    found = messages(run("--source", red_video, "--window", 0.5, "--rate", 8).stdout)
    assert {row["frames"] for row in found} == {4}
    assert {row["window"][1] - row["window"][0] for row in found} == {0.375}

    found = messages(run("--source", red_video, "--window", 2).stdout)
    assert {(row["frames"], row["rate_fps"]) for row in found} == {(4, 2.0)}

    refused = run_cli("--bundle", bundle, "--source", red_video, "--window", 900, "--rate", 8)
    assert refused.exit_code == 2
    assert "this bundle takes 1 to 256" in refused.stderr


@pytest.mark.parametrize("source", ["file", "live"])
def test_a_replay_gives_exactly_the_scores_of_the_run(run, tmp_path, red_video, source):
    recording = tmp_path / "a.rec"
    uri = red_video if source == "file" else shapes(3)
    new = run("--source", uri, "--record", recording, "--motion-gate", 4).stdout

    again = run("--replay", recording).stdout

    def comparable(text):
        return [{**row, "age_ms": None} for row in messages(text)]

    assert comparable(again) == comparable(new)
    assert messages(again, "event") == messages(new, "event")


def test_a_recording_of_streams_with_labels_of_their_own_replays_the_same(run, tmp_path, red_video):
    (tmp_path / "warm.txt").write_text("red\nyellow\n")
    (tmp_path / "streams.toml").write_text(
        f'[[stream]]\nname = "a"\nsource = "{red_video}"\nlabels = "warm.txt"\nrate = 8\n'
        f'[[stream]]\nname = "b"\nsource = "{red_video}"\n'
    )
    recording = tmp_path / "a.rec"
    new = run("--streams", tmp_path / "streams.toml", "--record", recording).stdout

    assert messages(run("--replay", recording).stdout) == messages(new)


def test_a_replay_scores_labels_that_nobody_had_thought_of(run, run_cli, bundle, tmp_path):
    recording, labels = tmp_path / "a.rec", tmp_path / "labels.txt"
    labels.write_text("crimson\nsky\n")
    source = ("--source", shapes(3), "--record", recording)
    run(*source, "--record-features")

    found = messages(run("--replay", recording, "--labels", labels).stdout)

    assert {score["label"] for score in found[0]["top"]} == {"crimson", "sky"}
    run(*source)
    refused = run_cli("--bundle", bundle, "--replay", tmp_path / "a-2.rec", "--labels", labels)
    assert refused.exit_code == 2
    assert "record again with --record-features" in refused.stderr


def test_thresholds_that_footage_gave_decide_later_runs(run, tmp_path, draw_video, red_video):
    rng = [("red", "green", "blue")[int(10 * math.sin(n)) % 3] for n in range(8 * 780)]
    footage = draw_video(tmp_path / "footage.avi", rng, fps=8)
    calibration = tmp_path / "site.json"

    said = run("--calibrate", footage, "--calibration", calibration, "--false-alarms", 10)

    assert "the thresholds of 3 labels" in said.stderr
    assert said.stdout == ""
    found = messages(run("--source", red_video, "--calibration", calibration).stdout)
    written = json.loads(calibration.read_text())
    threshold = next(row["threshold"] for row in written["labels"] if row["label"] == "red")
    for row in found:
        logits = [20 * score["similarity"] for score in row["top"]]
        evidence = logits[0] - math.log(sum(map(math.exp, logits[1:])))
        assert (row["decision"] == "red") == (evidence >= threshold)


def test_an_explanation_names_the_attribute_and_where_it_is(run, red_video):
    found = messages(run("--source", red_video, "--explain").stdout)

    for row in found:
        assert row["explanation"]["label"] == "red"
        assert sum(frame["weight"] for frame in row["explanation"]["frames"]) == pytest.approx(
            1, abs=1e-3
        )
        assert {frame["attribute"] for frame in row["explanation"]["frames"]} <= {"crimson", "ruby"}


def test_addresses_that_never_answer_end_the_run_unless_another_source_lives(
    run_cli, bundle, monkeypatch
):
    monkeypatch.setattr(loop, "FIRST_PICTURE_S", 0.5)
    dead = ("--source", "rtsp://me:secret@127.0.0.1:9/x")

    alone = run_cli("--bundle", bundle, *dead)
    beside = run_cli("--bundle", bundle, *dead, "--source", shapes(3), "--give-up", 2)

    assert alone.exit_code == beside.exit_code == 2
    assert re.search(r"has given no picture in \d+ s: No video comes", alone.stderr)
    assert messages(beside.stdout)
    assert "1 of 2 sources failed" in beside.stderr
    assert "secret" not in alone.output + beside.output


def test_a_live_source_in_python_gives_its_newest_frames_and_closes_its_feed(bundle):
    recognizer = Recognizer.load(bundle)

    results = recognizer.stream(shapes(60), StreamOptions(rate_fps=8))
    first, second = next(results), next(results)
    results.close()

    assert second.end_s > first.end_s
    assert first.age_ms is not None


def test_class_names_that_describe_footage_are_suggested_to_be_ignored(
    run, tmp_path, draw_video, red_video
):
    (tmp_path / "labels.txt").write_text("archery\n")
    written = tmp_path / "ordinary.txt"

    said = run(
        "--suggest-ignore", red_video, "--labels", tmp_path / "labels.txt", "--output", written
    )

    assert "Class names that describe the footage: " in said.stderr
    lines = written.read_text().splitlines()
    suggested = [line for line in lines if line.startswith("! ")]
    assert suggested
    assert "! archery" not in suggested
    assert all(line.startswith("# ") for line in lines if line not in suggested)
    assert run("--source", red_video, "--ignore", written).stdout
