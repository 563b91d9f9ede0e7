"""The command, its environments and files: what is made, kept, refused and said."""

import importlib.util
import json
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.peers import environments, roster
from stzsar.benchmarks.peers.cli import main
from stzsar.benchmarks.peers.environments import Environments, variables
from stzsar.benchmarks.peers.materials import bundle_name, label_names, with_attributes
from stzsar.benchmarks.peers.process import WorkerError
from stzsar.runtime.bundle.bundle import shipped_bundle


def write_wheel(folder):
    """Writes a package of one line, so that pip has something to install without a network."""
    path = folder / "tiny_peer-1.0-py3-none-any.whl"
    info = "tiny_peer-1.0.dist-info"
    files = {
        "tiny_peer.py": "answer = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tiny-peer\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return str(path)


@pytest.mark.slow
def test_an_environment_is_made_once_and_has_what_its_peers_need(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"tiny": (write_wheel(tmp_path),)})
    said = []
    monkeypatch.setattr(environments, "say", said.append)
    python = Environments(tmp_path / "made", {}).interpreter("tiny")
    code = "import tiny_peer; print(tiny_peer.answer)"
    output = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout == "42\n"
    assert subprocess.run([python, "-c", "import numpy"], capture_output=True).returncode
    assert Environments(tmp_path / "made", {}).interpreter("tiny") == python
    assert len(said) == 1


@pytest.mark.slow
def test_what_pip_cannot_install_is_said_and_not_tried_again(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"tiny": (str(tmp_path / "none.whl"),)})
    said = []
    monkeypatch.setattr(environments, "say", said.append)
    made = Environments(tmp_path / "made", {})
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"pip cannot fill .*tiny: .*none\.whl"):
            made.interpreter("tiny")
    assert len(said) == 1
    with pytest.raises(WorkerError):  # nor is it taken for whole by the next run
        Environments(tmp_path / "made", {}).interpreter("tiny")


def test_a_given_interpreter_is_taken_and_ours_is_our_own(tmp_path):
    found = Environments(tmp_path / "none", {"torch": "/opt/python"})
    assert found.interpreter("torch") == "/opt/python"
    assert found.interpreter("own") == sys.executable
    assert not (tmp_path / "none").exists()


def test_peers_do_not_see_our_packages_nor_a_hub(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/ours")
    assert "PYTHONPATH" not in variables("torch")
    assert variables("torch")["HF_HUB_OFFLINE"] == "1"
    assert variables("own")["PYTHONPATH"].endswith("/ours")


def test_labels_are_those_of_kinetics_and_never_twice():
    names = label_names(900)
    assert names[:2] == ["abseiling", "air drumming"]
    assert names[400] == "abseiling 1"
    assert len(set(names)) == 900
    for count in (1, 8, 900):
        rows = with_attributes(label_names(count))
        assert all(len(set(row["attributes"])) == 8 for row in rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--only", "clip"], "There is no peer clip: choose from stzsar-streaming, "),
        (["--python", "torch"], "--python torch is not NAME=PATH with one of the environments "),
        (["--python", "jax=/usr/bin/python"], "--python jax=/usr/bin/python is not NAME=PATH"),
        (["--clips", "none.mp4"], "--clips none.mp4 is neither a video file nor a folder"),
        (["--plot", "bars.txt"], "bars.txt has no suffix of a picture: end it in .png"),
        (["--json", "none/here.json"], "Cannot write none/here.json: there is no folder none"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_made(words, sentence, tmp_path):
    result = CliRunner().invoke(main, ["--environments", str(tmp_path / "made"), *words])
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
    assert not (tmp_path / "made").exists()


@pytest.mark.slow
def test_the_quick_run_measures_what_it_can_and_says_why_not_the_rest(tmp_path):
    """Of the peers, those that an environment for training can run; of the others the reason."""
    pytest.importorskip("open_clip")
    # A bundle that is there is taken: to export one takes longer than all the rest.
    files_of = tmp_path / "made" / "materials" / "ViT-S-32-8-frames-8-labels"
    files_of.mkdir(parents=True)
    (files_of / bundle_name()).symlink_to(shipped_bundle())
    given = [f"--python={name}={sys.executable}" for name in roster.ENVIRONMENTS]
    only = [f"--only={n}" for n in ("stzsar-streaming", "stzsar-windows", "xclip", "open_clip")]
    files = [f"--json={tmp_path / 'a.json'}", f"--environments={tmp_path / 'made'}"]
    result = CliRunner().invoke(main, ["--quick", "--rounds=1", *only, *given, *files])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "a.json").read_text())
    rows = {row["name"]: row for row in record["rows"]}
    for name in ("stzsar-streaming", "stzsar-windows", "open_clip"):
        assert not rows[name]["failed"]
        assert rows[name]["windows_per_s"] > 0
        assert rows[name]["rss_mib"] > rows[name]["load_s"] > 0
        assert len(record["decisions_ms"][name]) == 1
    if importlib.util.find_spec("transformers") is None:
        assert "No module named 'transformers'" in rows["xclip"]["failed"]
        assert "Not measured: X-CLIP" in result.stdout
