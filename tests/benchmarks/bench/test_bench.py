"""stzsar-bench, on the bundle that ships."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from rich.console import Console

from stzsar.benchmarks.bench import benchmark
from stzsar.benchmarks.bench.cli import main, typed_command
from stzsar.benchmarks.bench.feeds import PacedFile
from stzsar.benchmarks.bench.instruments.find import find_instruments
from stzsar.benchmarks.bench.instruments.instrument import Reading
from stzsar.benchmarks.bench.options import Options
from stzsar.benchmarks.bench.percentiles import Distribution
from stzsar.benchmarks.bench.record import Live, Memory, Mode, Record, read_comparable
from stzsar.benchmarks.bench.report import show
from stzsar.benchmarks.bench.sources import SHIPPED_CLIP, open_footage
from stzsar.benchmarks.bench.stopwatch import Stopwatch
from stzsar.benchmarks.bench.task import Task
from stzsar.benchmarks.bench.throughput import REST, STAGES, run_independent, run_streaming
from stzsar.benchmarks.bench.watch import LEAST_WATCHED_S, Moment, Watch
from stzsar.benchmarks.random_bundles import resized
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.sources.feed import FeedOptions
from stzsar.runtime.streams.stream import StreamOptions

IDLE_S = 0.6


def bench(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def task():
    stopwatch, bundle = Stopwatch(), Bundle.open(shipped_bundle())
    footage = open_footage(SHIPPED_CLIP, kept_s=1)
    return Task(
        recognizer=Recognizer(bundle, bundle.bank, stages=stopwatch),
        stopwatch=stopwatch,
        sampling=StreamOptions(),
        footage=footage,
        streams=1,
        seconds=0.3,
    )


class Meter:
    """An instrument that shows 2 W until its state is asked for, which ends the idle time."""

    name, measures = "meter", "the test"
    watts = 2.0

    def read(self):
        return Reading(self.watts)

    def state(self):
        self.watts = 6.0
        return {"mode": "loud"}

    def close(self): ...


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """One run of the command: its output, its record and its picture."""
    found, absent = find_instruments()
    for instrument in found:
        instrument.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "IDLE_S", IDLE_S)
        patch.setattr(benchmark, "find_instruments", lambda: ([Meter()], absent))
        yield run_the_command(tmp_path_factory)


def run_the_command(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    data = folder / "data"
    for label in ("circle moving left", "heart growing"):
        (data / label).mkdir(parents=True)
        shutil.copy(SHIPPED_CLIP, data / label)
    (data / "heart growing" / "broken.mp4").write_bytes(b"no video")
    result = bench(
        shipped_bundle(), "--quick", "--repeat", 2, "--labels", 30, "--data", data,
        "--json", folder / "a.json", "--plot", folder / "a.png",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return result, json.loads((folder / "a.json").read_text()), folder


def test_the_record_holds_both_modes_and_all_that_they_depend_on(measured):
    _, record, folder = measured
    assert (record["kind"], record["version"]) == ("stzsar-bench", 1)
    assert set(record["modes"]) == {"independent", "streaming"}
    for mode in record["modes"].values():
        assert set(STAGES) <= mode["stages"].keys()
        assert all(mode["stages"][stage]["samples"] > 0 for stage in STAGES)
        assert mode["decisions"] >= 6
    figures = record["figures"]
    assert all(figure["values"] for figure in figures.values())
    for name in ("streaming windows/s", "streaming ÷ independent", "time to first decision"):
        assert len(figures[name]["values"]) == 2
    setup, bundle = record["setup"], Bundle.open(shipped_bundle())
    assert setup["sha256 of frame.onnx"] == bundle.manifest.files["frame.onnx"]
    assert (setup["labels"], setup["labels drawn at random"]) == (30, 6)
    assert setup["frames of a window"] == bundle.manifest.sampling.frames
    assert {"processor", "memory GiB", "governor", "Python", "numpy", "threads"} <= setup.keys()
    assert record["live"]["streams"] == 2
    assert record["live"]["ages"]["samples"] == record["live"]["decisions"]
    assert record["parity"]["windows"] == 64
    assert read_comparable(folder / "a.json").setup == setup


def test_what_was_judged_and_what_was_broken_is_told(measured):
    result, record, _ = measured
    judged = record["accuracy"]
    assert (judged["clips"], judged["labels"]) == (2, 2)
    assert judged["top1"] == 0.5  # one clip under two names is right under one of them
    assert [path[-10:] for path in judged["broken"]] == ["broken.mp4"]
    assert "1 without frames" in " ".join(result.stdout.split())


def test_the_energy_of_a_decision_is_power_times_time_over_decisions(measured):
    _, record, _ = measured
    meter = record["instruments"]["meter"]
    assert (meter["measures"], meter["idle_w"], meter["end"]) == ("the test", 2, {"mode": "loud"})
    for name, mode in record["modes"].items():
        assert meter["watts"][name] == 6
        each_s = mode["seconds"] / mode["decisions"]
        assert meter["joules"][name] == pytest.approx(6 * each_s)
        assert meter["net_joules"][name] == pytest.approx(4 * each_s)
        assert record["figures"][f"{name} energy (meter)"]["values"] == [meter["joules"][name]]


def test_percentiles_of_few_samples_and_absent_instruments_are_said(measured):
    result, record, _ = measured
    said = " ".join(result.stdout.split())
    assert record["live"]["ages"]["p99"] is None
    assert "p99 1,000 needed" in said
    for name, why in record["absent"].items():
        assert f"{name} ({why}" in said


def test_numbers_of_every_size_fit_into_80_columns(measured):
    result, record, folder = measured
    found = Distribution(
        samples=1_234_567, mean=99.99, p50=12345.6, p90=99.99, p95=99.99, p99=12345.6, largest=1e5
    )
    stages = dict.fromkeys(record["modes"]["streaming"]["stages"], found)
    mode = Mode(
        stages=stages, mean_ms=dict.fromkeys([*STAGES, REST], 99.99), busy=(1.0,), decisions=9,
        seconds=1.0,
    )  # fmt: skip
    console = Console(width=80, record=True, file=io.StringIO())
    figures = dict(read_comparable(folder / "a.json").figures)
    live = Live(**{**record["live"], "ages": found})
    whole = Record(
        **{
            **record,
            "modes": {"independent": mode, "streaming": mode},
            "figures": figures, "live": live, "memory": Memory(**record["memory"]),
            "instruments": {}, "parity": None, "accuracy": None,
        }
    )  # fmt: skip
    show(whole, console)
    tables = console.export_text().split("Live: ")[0]
    assert "1234567" in tables
    assert "…" not in tables.replace(" … ", "")
    assert "…" not in result.stdout.replace(" … ", "")


def test_the_picture_opens(measured):
    import cv2

    image = cv2.imread(str(measured[2] / "a.png"))
    assert image is not None
    assert image.shape[1] > 1000
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 20


def test_stages_and_the_rest_are_all_that_a_round_takes(task):
    """Each stage is timed without those within it, so nothing is counted twice or lost."""
    for run in (run_independent, run_streaming):
        turn = run(task)
        assert set(turn.mean_ms) == {*STAGES, REST}
        in_rounds = sum(ms for name, ms in turn.mean_ms.items() if name != "decode")
        busy_ms = 1000 * turn.busy * turn.seconds / turn.decisions
        assert in_rounds <= busy_ms * 1.001
        assert in_rounds > 0.5 * busy_ms
        assert turn.seconds >= task.seconds


def test_an_independent_decision_encodes_all_its_frames_and_a_streaming_one_its_own(task):
    independent, streaming = run_independent(task), run_streaming(task)
    assert independent.frames == task.frames * independent.decisions
    assert abs(streaming.frames - streaming.decisions) <= task.frames
    whole = list(independent.whole_ms)
    parts = [independent.stages_ms[stage] for stage in STAGES]
    assert all(total > sum(own) for total, *own in zip(whole, *parts, strict=False))


def test_a_source_that_begins_again_breaks_no_window():
    """The clip is 20 s long; at its end the window goes on, with the times of its frames."""
    footage, wake = open_footage(SHIPPED_CLIP, kept_s=1), threading.Event()
    feed = footage.endless("clip", FeedOptions(wake=wake), 4.0, 4)
    stream = Recognizer.load(shipped_bundle()).open_stream("clip")
    feed.start()
    times, broken, deadline = [], [], time.monotonic() + 60
    while len(times) < 170 and time.monotonic() < deadline:
        captured = feed.take()
        if captured is None:
            wake.wait(0.05)
            wake.clear()
            continue
        times.append(captured.frame.time_s)
        broken.append(stream.prepare(captured.frame.image_hwc, times[-1]).breaks)
    feed.stop()
    assert feed.join(5)
    assert not any(broken)
    assert times[-1] > 40
    assert np.allclose(np.diff(times), 0.25, atol=0.05)


def test_a_file_is_shown_as_a_camera_would_show_it():
    paced = PacedFile(Path(SHIPPED_CLIP), "clip")
    start = time.monotonic()
    for _ in range(6):
        assert paced.grab()
        assert time.monotonic() - start >= paced.position_s - 0.01
    time.sleep(0.3)
    before = paced.position_s
    assert paced.grab()
    assert paced.position_s >= before + 0.25  # nobody waited for a slow reader
    assert paced.retrieve() is not None
    paced.release()


def test_labels_are_the_bundles_own_first_and_random_unit_vectors_beyond():
    bank = Bundle.open(shipped_bundle()).bank
    own, words = len(bank.labels), bank.attribute_mask.shape[1]
    assert resized(bank, 3).names == bank.names[:3]
    more = resized(bank, own + 5)
    assert more.names[:own] == bank.names
    assert more.attribute_embeddings.shape[:2] == (own + 5, words)
    norms = np.linalg.norm(more.attribute_embeddings[own:], axis=-1)
    assert np.allclose(norms, 1, atol=1e-5)
    assert more.attribute_mask[own:].all()


def test_labels_may_be_given_instead_of_a_number(tmp_path):
    typed = "red circle falling, blue circle rising, a circle of my own"
    result = bench(
        shipped_bundle(), "--quick", "--repeat", 1, "--labels", typed, "--json", tmp_path / "a.json"
    )
    assert result.exit_code == 0, result.output
    setup = json.loads((tmp_path / "a.json").read_text())["setup"]
    assert (setup["labels"], setup["labels drawn at random"]) == (3, 0)


def test_growing_memory_has_a_slope_once_it_was_watched_for_long():
    watch = Watch([])
    for start_s, level in ((0.0, 100.0), (1000.0, 200.0)):  # each span has a level of its own
        watch.go_over_to("live")
        span = watch._spans["live"][-1]
        span += [Moment(start_s + s, level + s / 60, {}) for s in range(int(LEAST_WATCHED_S))]
    slope, watched_s = watch.slope_mib_per_h("live")
    assert slope == pytest.approx(60)
    assert watched_s == 2 * (LEAST_WATCHED_S - 1)
    watch.go_over_to("short")
    watch._spans["short"][-1] += [Moment(0, 1, {}), Moment(10, 2, {})]
    assert watch.slope_mib_per_h("short") == (None, 10)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere/bundle"], "is not a bundle"),
        (["--streams", "0"], "0 is not in the range"),
        (["--labels", "0"], "0 is not in the range"),
        (["--labels", "gone.txt"], "Cannot read the labels gone.txt"),
        (["--labels", "archery"], "There is no file 'archery' for --labels"),
        (["--frames", "17"], "windows of 1 to 16 frames"),
        (["--source", "/nowhere/clip.mp4"], "Cannot read the video"),
        (["--source", "ftp://host/clip"], "not a supported source"),
        (["--json", "/nowhere/a.json"], "Cannot write /nowhere/a.json"),
        (["--plot", "a.jpeg"], "no suffix of a picture"),
        (["--json", SHIPPED_CLIP], "would be overwritten"),
        (["--data", "/nowhere"], "neither a folder"),
        (["--source", "0", "--streams", "2"], "opens only once"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_a_sentence_before_anything_is(arguments, words):
    arguments = arguments if arguments[0][0] == "/" else [str(shipped_bundle()), *arguments]
    result = bench(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not result.stdout


def test_data_of_one_class_is_refused(tmp_path):
    (tmp_path / "jumping").mkdir()
    shutil.copy(SHIPPED_CLIP, tmp_path / "jumping")
    result = bench(shipped_bundle(), "--data", tmp_path)
    assert result.exit_code == 2
    assert "has only the class 'jumping'" in result.stderr


def test_the_command_in_a_record_holds_no_password(monkeypatch):
    uri = "rtsp://me:secret@hall.example/stream"
    options = Options(source=uri)
    for words in (["--source", uri], [f"--source={uri}"]):
        monkeypatch.setattr(sys, "argv", ["stzsar-bench", *words])
        typed = typed_command(options.source, options.address.name)
        assert "secret" not in typed
        assert "hall.example" in typed
    assert (options.live_streams, options.repeat) == (1, 3)


def test_a_live_source_is_measured_and_ctrl_c_leaves_nothing_behind(tmp_path):
    isolated = ["-I"] if sys.flags.isolated else []
    program = "from stzsar.benchmarks.bench.cli import main; main()"
    command = [sys.executable, *isolated, "-c", program, str(shipped_bundle()), "--quick"]
    live = ["--source", "test://moving-shapes?fps=20", "--streams", "1", "--json", "-"]
    done = subprocess.run([*command, *live], capture_output=True, text=True, check=True)
    record = json.loads(done.stdout)
    assert record["setup"]["source"] == "test://moving-shapes?fps=20"
    assert any("nothing is decoded" in note for note in record["notes"])
    path = tmp_path / "a.json"
    with subprocess.Popen(
        [*command, "--seconds", "60", "--json", str(path)], stderr=subprocess.PIPE
    ) as process:
        while not psutil.Process(process.pid).children():  # its first cold start
            assert process.poll() is None
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert not list(tmp_path.iterdir())
