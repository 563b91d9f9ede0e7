"""stzsar-verify on this machine's CPU, and on the recorded names of TensorRT."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.benchmarks.hardware import privacy, steps
from stzsar.benchmarks.hardware import report as reports
from stzsar.benchmarks.hardware.cli import main
from stzsar.benchmarks.hardware.options import Options
from stzsar.benchmarks.hardware.report import Plan, Report, Step, read_report
from stzsar.benchmarks.hardware.step import run_apart, run_here
from stzsar.benchmarks.hardware.steps import STEPS, Findings
from stzsar.benchmarks.hardware.verify import verify
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.engines import cuda
from stzsar.runtime.engines.opening import open_graph
from stzsar.runtime.engines.trt import api
from stzsar.runtime.engines.trt import graph as trt_graph
from stzsar.runtime.errors import StzsarError

jsonschema: Any = pytest.importorskip("jsonschema")

BUNDLE = Path(__file__).parents[2] / "data" / "bundle-format-4"
PLAN = Plan(quick=True, streams=1, minutes=1.0)
TYPES = {"frames": "UINT8", "attribute_mask": "BOOL"}


@pytest.fixture
def bundle(tmp_path) -> Bundle:
    return Bundle.open(shutil.copytree(BUNDLE, tmp_path / "bundle"))


@pytest.fixture
def on_a_gpu(bundle, fake_gpu, monkeypatch):
    """A GPU whose engines run ONNX Runtime and spoil what they return."""

    def turn_on(spoil=lambda name, value: value):
        driver, number = cuda.Driver(fake_gpu.FakeCuda()), iter(range(100))
        networks = [network_of(bundle.path / name, spoil) for name in ("frame.onnx", "window.onnx")]

        def load():
            return fake_gpu.fake_tensorrt("10.3.0", networks[next(number) % 2])

        monkeypatch.setattr(api, "why_no_tensorrt", lambda: None)
        monkeypatch.setattr(trt_graph, "find_driver", lambda: driver)
        monkeypatch.setattr(trt_graph, "load_tensorrt", load)

    return turn_on


def network_of(path, spoil):
    graph = open_graph(path, engine="onnxruntime")
    shapes = {
        name: (
            TYPES.get(name, "FLOAT"),
            [-1 if n is None else n for n in graph.sizes.get(name, ())],
        )
        for name in (*graph.inputs, *graph.outputs)
    }
    return {
        "inputs": {name: shapes[name] for name in graph.inputs},
        "outputs": {name: shapes[name] for name in graph.outputs},
        "compute": lambda feeds: {n: spoil(n, value) for n, value in graph(feeds).items()},
    }


def test_the_published_schema_is_generated_from_the_types():
    kept = json.loads(reports.SCHEMA.read_text("utf-8"))
    assert kept == json.loads(json.dumps(reports.schema())), (
        "run python -m stzsar.benchmarks.hardware.report"
    )


def test_on_a_gpu_engines_are_built_and_agree_with_onnx_runtime(bundle, on_a_gpu):
    on_a_gpu()
    built = run_here("engine build", bundle, PLAN)
    compared = run_here("engine against ONNX Runtime", bundle, PLAN)

    assert (built.status, compared.status) == ("ok", "ok"), (built, compared)
    assert set(built.facts) == {
        f"{name}.onnx, {what}" for name in ("frame", "window") for what in ("seconds", "engine MiB")
    }
    assert (bundle.path / "engines" / "frame.engine").is_file()
    assert compared.facts["runs on"] == "tensorrt"
    assert compared.facts["same best label, share"] == 1.0
    assert float(compared.facts["smallest cosine"]) > 0.999999


@pytest.mark.parametrize("factor", [-1.0, np.nan])
def test_an_engine_that_computes_something_else_fails_with_its_numbers(bundle, on_a_gpu, factor):
    on_a_gpu(lambda name, value: value * np.float32(factor) if name == "spatial" else value)
    step = run_here("engine against ONNX Runtime", bundle, PLAN)

    assert step.status == "failed"
    assert "finite" in step.reason if np.isnan(factor) else "differ too much" in step.reason
    json.loads(msgspec.json.encode(step))


def test_without_a_gpu_the_steps_of_tensorrt_are_impossible_and_say_why(bundle):
    for name in ("engine build", "engine against ONNX Runtime"):
        step = run_here(name, bundle, PLAN)
        assert step.status == "impossible"
        assert step.reason


@pytest.mark.slow
def test_a_network_is_exported_and_compared_where_torch_is(bundle):
    step = run_here("export parity", bundle, Plan(quick=False, streams=1, minutes=1.0))
    assert step.status == "ok"
    assert step.facts["compared"] == "on this machine, with torch"


def test_without_torch_the_report_of_the_export_is_read(bundle, monkeypatch):
    monkeypatch.setattr(steps.importlib.util, "find_spec", lambda name: None)
    step = run_here("export parity", bundle, PLAN)
    assert step.status == "ok"
    assert str(step.facts["compared"]).startswith("where the bundle was exported")
    assert step.facts["same best label, share"] == 1.0

    (bundle.path / "parity.json").unlink()
    assert run_here("export parity", bundle, PLAN).status == "impossible"


def test_a_process_that_crashes_or_hangs_is_a_step_that_failed(bundle, monkeypatch):
    crash = run_apart("doctor", bundle.path / "nowhere", PLAN)
    monkeypatch.setitem(STEPS, "doctor", (STEPS["doctor"][0], 0.05))
    hang = run_apart("doctor", bundle.path, PLAN)

    assert (crash.status, hang.status) == ("failed", "failed")
    assert crash.reason == "Its process ended with exit code 1, and without a result."
    assert hang.reason == "It came to no end within 0 s."


def test_watched_streams_come_to_decisions(bundle):
    step = run_here("streams", bundle, PLAN)
    assert step.status == "ok", step
    assert float(step.facts["decisions"]) > 0
    assert float(step.facts["lowest share of the rates"]) > 0


def test_ctrl_c_ends_it_and_the_same_command_goes_on(tmp_path):
    """The first step is kept as it was; a report that is whole tells all, and no work is left."""
    output = tmp_path / "v.json"
    command = [sys.executable, "-m", "stzsar.benchmarks.hardware.cli", str(BUNDLE), "--quick"]
    command += ["--streams", "1", "--output", str(output)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not output.exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    broken_off = read_report(output)
    assert 1 <= len(broken_off.steps) < len(STEPS)

    told: list[str] = []
    options = Options(bundle=BUNDLE, quick=True, streams=1, output=output)
    report = verify(options, lambda name, step: told.append(name) if step is None else None)

    assert [step.name for step in report.steps] == list(STEPS)
    assert report.steps[0] == broken_off.steps[0]
    assert told[0] == list(STEPS)[len(broken_off.steps)]
    assert {step.status for step in report.steps} <= {"ok", "impossible"}, report.steps
    assert list(tmp_path.iterdir()) == [output]
    jsonschema.validate(json.loads(output.read_text()), reports.schema())
    assert_impersonal(output.read_text())
    shown = CliRunner().invoke(main, ["show", str(output)])
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in STEPS)
    with pytest.raises(StzsarError, match=r"other options.*--again"):
        verify(Options(bundle=BUNDLE, streams=1, output=output))


def assert_impersonal(text: str) -> None:
    for secret in (
        socket.gethostname(),
        str(Path.home()),
        str(BUNDLE),
        sys.executable,
        str(Path.cwd()),
    ):
        assert len(secret) < 3 or secret not in text, secret


@pytest.mark.parametrize(
    "secret",
    [
        "/home/maria/bundles/flat",
        "~/bundles/flat",
        r"C:\Users\maria\bundle",
        "192.168.1.17",
        "10.0.0.5:8554",
        "fe80::1ff:fe23:4567:890a",
        "2001:db8:0:0:1:0:0:1",
        "3c:22:fb:12:34:56",
        "GPU-8f2a1c3d-0b1e-4c5d-9e8f-1a2b3c4d5e6f",
        "rtsp://maria:secret@nas.local/gate",
        "maria@nas.local",
        "1424220012345",
    ],
)
def test_nothing_personal_is_left_of_a_text(secret):
    text = privacy.impersonal(f"It failed (serial number: {secret}) at {secret}, twice: {secret}.")
    if secret.isdigit():
        text = text.split(")")[0]
    assert secret not in text
    assert "maria" not in text
    assert text.startswith("It failed")


def test_the_names_of_host_and_user_are_taken_out(monkeypatch):
    monkeypatch.setattr(privacy.socket, "gethostname", lambda: "marias-jetson.lan")
    monkeypatch.setattr(privacy.getpass, "getuser", lambda: "maria")
    privacy._own_words.cache_clear()
    try:
        text = privacy.impersonal("Marias-Jetson: no such user maria; mariachi plays at 4 1/s")
    finally:
        privacy._own_words.cache_clear()
    assert text == "<name>: no such user <name>; mariachi plays at 4 1/s"


@pytest.mark.parametrize("content", ["", "{}", '{"kind": "stzsar-bench"}', "[" * 10_000])
def test_what_is_no_report_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    result = CliRunner().invoke(main, ["show", str(path)])
    assert result.exit_code == 2
    assert "is not a report of version 1" in result.stderr


def test_a_strangers_report_is_shown_without_what_steers_a_terminal(tmp_path):
    step = Step(name="bench", status="ok", seconds=1, facts={"a\x1b[2J": "[bold]\x1b]0;x\x07"})
    report = Report(created="now", plan=PLAN, setup={}, steps=(step,))
    (tmp_path / "a.json").write_text(report.to_json())
    shown = CliRunner().invoke(main, ["show", str(tmp_path / "a.json")])
    assert shown.exit_code == 0
    assert "\x1b" not in shown.stdout
    assert "[bold]" in shown.stdout


def test_findings_of_a_step_that_failed_are_kept(monkeypatch, bundle):
    def fail(_bundle, _plan, found: Findings):
        found.facts["frame.onnx, seconds"] = 61.23456789
        raise RuntimeError("CUDA error 700 at /usr/src/tensorrt/x.cpp")

    monkeypatch.setitem(STEPS, "engine build", (fail, 1))
    step = run_here("engine build", bundle, PLAN)
    assert (step.status, step.reason) == ("failed", "RuntimeError: CUDA error 700 at <path>")
    assert step.facts == {"frame.onnx, seconds": 61.2346}
