"""stzsar-doctor: what it finds, what it advises, and its exit code."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.runtime.command import checks
from stzsar.runtime.command.checks import Finding, look_at_everything
from stzsar.runtime.command.doctor import main
from stzsar.runtime.engines.cuda import Gpu

ORIN = Gpu("Orin", "8.7", "12.6", "540.4.0", "36.4.3", 8 * 2**30)


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def found(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return lambda: {finding.what: finding for finding in look_at_everything()}


def test_here_everything_that_is_needed_is_there(run):
    result = run()

    assert result.exit_code == 0, result.output
    assert result.stdout.rstrip().endswith("stzsar-run would start.")
    for what in ("Python", "ONNX Runtime", "OpenCV", "FFMPEG", "recognition", "bundle"):
        assert what in result.stdout


def test_json_says_the_same_and_nobody_s_name(run, found, monkeypatch):
    home = Path(sys.executable).parent
    monkeypatch.setattr(Path, "home", lambda: home)

    result = run("--json")

    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [one["what"] for one in document["findings"]] == list(found())
    assert document["stzsar"]
    assert str(home) not in result.stdout
    assert f"~/{Path(sys.executable).name}" in document["findings"][0]["found"]


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_breaks_lines_and_leaves_nothing_out(run, found, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = [line for line in run().stdout.splitlines() if line.startswith("│")]

    assert max(map(len, lines)) <= columns
    cells = [
        "".join("".join(column).split())
        for column in zip(*(line.split("│")[1:5] for line in lines), strict=True)
    ]
    for finding in found().values():
        for text, cell in zip(
            (finding.what, finding.found, finding.remedy), cells[1:], strict=True
        ):
            assert "".join(text.split()) in cell


def test_what_is_missing_comes_with_the_command_that_gets_it(found, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else real(name)
    )

    finding = found()["ONNX Runtime"]

    assert finding.status == "wrong"
    assert "pip install '.[cpu]'" in finding.remedy


def test_a_broken_bundle_is_the_reason_for_exit_code_2(run, own_bundle, monkeypatch):
    (own_bundle / "frame.onnx").write_bytes(b"spoilt")
    monkeypatch.setattr(checks, "find_bundle", lambda: own_bundle)

    result = run()

    assert result.exit_code == 2
    assert "would not start: see bundle, recognition." in result.stdout
    assert result.stdout.count("wrong") == 2
    assert "missing" not in result.stdout
    assert "was changed after its export" in result.stdout


def test_both_wheels_of_onnx_runtime_are_a_fault(found, monkeypatch):
    real = checks._version
    monkeypatch.setattr(
        checks, "_version", lambda name: "1.31" if name == "onnxruntime-gpu" else real(name)
    )

    finding = found()["ONNX Runtime"]

    assert finding.status == "wrong"
    assert finding.remedy.startswith("pip uninstall -y onnxruntime onnxruntime-gpu")


@pytest.mark.parametrize("other", ["opencv-contrib-python", "opencv-contrib-python-headless"])
def test_wheels_of_opencv_that_share_a_folder_are_noted_by_name(found, monkeypatch, other):
    wheels = ("opencv-python-headless", other)
    monkeypatch.setattr(checks, "_version", lambda name: "5.0" if name in wheels else None)

    finding = found()["OpenCV"]

    assert finding.status == "note"
    assert finding.found.endswith(f"{' and '.join(wheels)} share one folder")
    assert finding.remedy.startswith(f"pip uninstall -y {' '.join(wheels)} && pip install")


@pytest.mark.parametrize("columns", ["0", "1"])
def test_a_terminal_without_a_width_gets_the_table_too(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)

    result = run()

    assert result.exit_code == 0
    assert "Python" in result.stdout
    assert "stzsar-run would start." in result.stdout


def test_a_gpu_that_is_not_used_is_noted_with_its_wheel(found, monkeypatch):
    monkeypatch.setattr(checks, "_gpu", lambda: ORIN)

    findings = found()

    assert findings["GPU"].found.startswith("Orin, compute capability 8.7, 8 GiB")
    assert findings["ONNX Runtime"].status == "note"
    assert "[gpu]" in findings["ONNX Runtime"].remedy


def test_a_jetson_tells_its_jetpack_and_power_mode(found, monkeypatch):
    said = {"dpkg-query": "6.2", "nvpmodel": "NV Power Mode: 15W\n0"}
    monkeypatch.setattr(checks, "jetson_linux", lambda: "36.4.3")
    monkeypatch.setattr(checks, "_said", lambda command, *_: said[command])

    finding = found()["Jetson"]

    assert finding.found.startswith("Jetson Linux 36.4.3, JetPack 6.2, NV Power Mode: 15W")
    assert finding.remedy == "sudo nvpmodel -m 0 && sudo jetson_clocks"


def test_what_a_jetson_does_not_say_is_no_reason_not_to_start(run, monkeypatch):
    def slow(*_arguments, **_options):
        raise subprocess.TimeoutExpired("nvpmodel", 10)

    monkeypatch.setattr(checks, "jetson_linux", lambda: "36.4.3")
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", slow)

    result = run()

    assert result.exit_code == 0
    assert "JetPack unknown, power mode unknown" in result.stdout


def test_a_reader_that_leaves_early_ends_the_command_as_it_ends_the_others(tmp_path):
    script = f"{sys.executable} -c 'from stzsar.runtime.command.doctor import main; main()'"
    line = f"set -o pipefail; {script} | true"

    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)

    assert done.returncode in (0, 141)
    assert not done.stderr


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(found, monkeypatch):
    def broken():
        raise RuntimeError("undefined symbol: x")

    monkeypatch.setattr(checks, "load_cv2", broken)

    findings = found()

    assert findings["opencv"] == Finding("opencv", "wrong", "undefined symbol: x", "reinstall it")
    assert findings["bundle"].found
