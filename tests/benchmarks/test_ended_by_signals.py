"""A benchmark that is ended, by whatever signal, takes its processes and temporary files along."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stzsar.benchmarks.peers.materials import bundle_name
from stzsar.runtime.bundle.bundle import shipped_bundle

PATIENCE_S = 120.0


@pytest.fixture
def start(tmp_path):
    """Starts `python -m stzsar.benchmarks.NAME` with a folder of its own for temporary files."""
    (tmp_path / "tmp").mkdir()
    begun = []

    def start(name, *options):
        command = [sys.executable, "-m", f"stzsar.benchmarks.{name}", *map(str, options)]
        paths = {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path / "tmp")}
        with (tmp_path / "stderr").open("wb") as stderr:
            process = subprocess.Popen(
                command,
                cwd=tmp_path,
                env={**os.environ, **paths},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()


def wait_for_workers(process, count: int, *, busy_s: float) -> list[psutil.Process]:
    """Return the processes below one, once so many of them have computed for a while."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None
        below = psutil.Process(process.pid).children(recursive=True)
        times = []
        for one in below:
            try:
                times.append(sum(one.cpu_times()[:2]))
            except psutil.NoSuchProcess:
                times.append(0.0)
        if sum(used > busy_s for used in times) >= count:
            return below
        time.sleep(0.05)
    raise AssertionError("no process began to compute")


def end(process, number: int, below: list[psutil.Process]) -> int:
    """Send the signal; return the exit code once everything has ended."""
    process.send_signal(number)
    code = process.wait(PATIENCE_S)
    _, alive = psutil.wait_procs(below, PATIENCE_S)
    for one in alive:
        one.kill()
    assert not alive
    return code


def temporary_files(tmp_path: Path) -> list[Path]:
    # Caches of torch and matplotlib are not a run's.
    kept = ("torchinductor_", "matplotlib-")
    return [path for path in (tmp_path / "tmp").iterdir() if not path.name.startswith(kept)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_decoders_take_their_workers_along(start, tmp_path, number):
    process = start("decoders", "--rounds", 100_000)
    below = wait_for_workers(process, 1, busy_s=0.5)
    code = end(process, number, below)
    if number != signal.SIGKILL:
        assert code == 143
        assert temporary_files(tmp_path) == []


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_the_ablation_takes_its_trainings_along(start, tmp_path, number):
    process = start("ablation", "--seeds", 2, "--row", "mean-0", "--output", tmp_path / "run")
    below = wait_for_workers(process, 2 if (os.cpu_count() or 1) > 1 else 1, busy_s=2.0)
    code = end(process, number, below)
    if number != signal.SIGKILL:
        assert code == 143
        assert temporary_files(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_peers_take_their_workers_along(start, tmp_path, number):
    files_of = tmp_path / "made" / "materials" / "ViT-S-32-8-frames-8-labels"
    files_of.mkdir(parents=True)
    (files_of / bundle_name()).symlink_to(shipped_bundle())
    options = ("--quick", "--rounds", 100_000, "--environments", tmp_path / "made")
    process = start("peers", *options, "--only=stzsar-streaming", "--only=stzsar-windows")
    below = wait_for_workers(process, 2, busy_s=0.3)
    code = end(process, number, below)
    if number != signal.SIGKILL:
        assert code == 143


def test_a_command_that_makes_an_environment_takes_all_its_processes_along(start, tmp_path):
    """What pip or stzsar-export start in turn would otherwise go on."""
    program = (
        "from stzsar.benchmarks.tools.processes import call\n"
        "from stzsar.runtime.terminal.signals import StopSignals\n"
        "with StopSignals(): call(['sh', '-c', 'yes > /dev/null; true'])"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", program], env=paths) as process:
        below = wait_for_workers(process, 1, busy_s=0.1)
        assert end(process, signal.SIGTERM, below) == 143


def test_stzsar_bench_takes_its_cold_start_along(start, tmp_path):
    process = start("bench.cli", shipped_bundle(), "--seconds", "60")
    below = wait_for_workers(process, 1, busy_s=0.2)
    assert end(process, signal.SIGTERM, below) == 143
    assert temporary_files(tmp_path) == []
