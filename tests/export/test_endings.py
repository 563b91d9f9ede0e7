"""Exports that are ended: what they leave, and what the next export removes."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.export.cli import main
from stzsar.models.checkpoint import Checkpoint, save_checkpoint
from stzsar.runtime.atomic import remove_leftovers, written_whole


@pytest.fixture
def run(tmp_path, monkeypatch, make_request):
    """A run with one checkpoint, in runs/mine."""
    monkeypatch.chdir(tmp_path)
    request = make_request(interaction="product", temporal=True)
    checkpoint = Checkpoint(
        model=request.network.config,
        labels=tuple(request.labels),
        sampling=request.sampling,
        origin=request.origin,
        step=3,
    )
    with written_whole(Path("runs/mine/checkpoints/step-000003")) as folder:
        save_checkpoint(folder, checkpoint, request.network)
    return tmp_path / "runs/mine"


def wait_for(condition, limit_s=120.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_signal_ends_an_export_and_leaves_nothing_behind(run, tmp_path):
    """SIGTERM and SIGHUP, in the middle of writing a bundle."""
    numbers = {"term": signal.SIGTERM, "hup": signal.SIGHUP}
    exports = {
        name: subprocess.Popen(
            [sys.executable, "-m", "stzsar.export.cli", "runs/mine", "--output", name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in numbers
    }
    for name, export in exports.items():
        wait_for(lambda name=name: list(tmp_path.glob(f".{name}.*")))
        export.send_signal(numbers[name])
    for export in exports.values():
        _, said = export.communicate(timeout=120)
        assert export.returncode == 143
        assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_the_next_export_removes_what_a_killed_one_left(run):
    shutil.copytree(run / "checkpoints", run / ".bundle-fp16.ab_12xyz")
    shutil.copytree(run / "checkpoints", run / ".mine.ab_12xyz")
    with written_whole(run / "bundle-fp32") as writing:
        result = CliRunner().invoke(main, ["--frames", "9"])  # refused before it writes
        assert result.exit_code == 2
        assert {path.name for path in run.iterdir()} == {
            "checkpoints",
            ".mine.ab_12xyz",  # nothing that an export of this run would write
            writing.name,  # an export that is still running
        }


def test_a_bundle_that_was_moved_aside_by_a_killed_export_comes_back(tmp_path):
    (tmp_path / ".bundle.ab_12xyz" / "bundle").mkdir(parents=True)
    (tmp_path / ".bundle.ab_12xyz" / "bundle" / "manifest.json").write_text("{}")

    remove_leftovers(tmp_path / "bundle")

    assert (tmp_path / "bundle" / "manifest.json").read_text() == "{}"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_signal_between_two_renames_brings_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "old").touch()
    rename = Path.rename

    def interrupted(path, new):
        if Path(new) == target and not target.exists() and path.parent == tmp_path:
            raise SystemExit(143)
        return rename(path, new)

    def write():
        with written_whole(target) as folder:
            (folder / "new").touch()
            monkeypatch.setattr(Path, "rename", interrupted)

    with pytest.raises(SystemExit):
        write()
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
