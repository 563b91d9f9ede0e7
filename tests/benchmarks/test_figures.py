"""make figures: its commands exist, what it keeps says what it is of, and it goes on."""

import importlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.figures import run as running
from stzsar.benchmarks.figures.cli import main
from stzsar.benchmarks.figures.roster import FIGURES, Figure
from stzsar.benchmarks.figures.run import Options, kept, run
from stzsar.runtime.errors import StzsarError

# No table of the docs: what is short, and what fails.
SHORT = Figure("short", ("benchmarks.bench.cli", "--help"), "a test")
FAILS = Figure("fails", ("benchmarks.bench.cli", "--no-such-option"), "a test")


def measure(options):
    said = []
    rows, failed = run(options, lambda name, what: said.append((name, what)))
    return said, {row[0]: row[1] for row in rows}, failed


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_each_command_is_one_that_parses(figure, quick):
    module, *words = figure.command(quick=quick, clips=Path("clips"), bundle=Path("bundle"))
    try:
        found = importlib.import_module(module)
        command = found.main
    except AttributeError:
        command = importlib.import_module(f"{module}.cli").main
    command.make_context(module, words)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_each_figure_stands_on_a_page_that_names_its_command(figure, root):
    page = root / "docs" / figure.published.split(",")[0].split(";")[0]
    module = figure.words[0]
    shown = "stzsar-bench" if module == "benchmarks.bench.cli" else f"stzsar.{module}"
    assert shown in page.read_text("utf-8")


def test_a_figure_is_kept_with_commit_machine_and_what_it_printed(monkeypatch, tmp_path):
    monkeypatch.setattr(running, "FIGURES", (SHORT, FAILS))
    _, states, failed = measure(Options(output=tmp_path))

    assert (states, failed) == ({"short": "measured", "fails": "failed (2)"}, 1)
    document = json.loads((tmp_path / "short.json").read_text())
    assert document["printed"].startswith("Usage: ")
    assert document["command"] == ["stzsar.benchmarks.bench.cli", "--help"]
    assert document["machine"]["processor"]
    assert document["versions"]["Python"]
    assert "no-such-option" in json.loads((tmp_path / "fails.json").read_text())["said"]
    assert "| short" in (tmp_path / "summary.md").read_text()


def test_what_was_measured_on_this_commit_is_not_measured_again_and_a_failure_is(
    monkeypatch, tmp_path
):
    versions = {"Python": "3", "git revision": "a" * 40, "git state": "as committed"}
    monkeypatch.setattr(running, "describe_versions", lambda: dict(versions))
    monkeypatch.setattr(running, "FIGURES", (SHORT, FAILS))
    options = Options(output=tmp_path)
    measure(options)
    first = kept(SHORT, options)

    said, _, _ = measure(options)
    assert ("short", "measured on this commit before") in said
    assert any(name == "fails" and what.startswith("failed") for name, what in said)
    assert kept(SHORT, options) == first

    versions["git revision"] = "b" * 40
    measure(options)
    again = kept(SHORT, options)
    assert again
    assert again.commit == "b" * 40
    versions["git state"] = "changed since"
    said, _, _ = measure(options)
    assert ("short", "measured on this commit before") not in said


def test_a_killed_run_keeps_what_it_had(tmp_path):
    code = (
        "from stzsar.benchmarks.figures import run, cli; from stzsar.benchmarks.figures.roster "
        "import Figure; run.FIGURES = (Figure('short', ('benchmarks.bench.cli', '--help'), 'x'), "
        "Figure('long', ('benchmarks.false_alarms', '--seeds', '3'), 'x')); cli.main()"
    )
    command = [sys.executable, "-c", code, "--output", str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "summary.md").exists():
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.json", "summary.md"]
    assert "to do" in (tmp_path / "summary.md").read_text()


def test_what_needs_clips_is_left_out_without_and_says_so():
    result = CliRunner().invoke(main, ["--list", "--only", "decoders"])
    assert result.exit_code == 0
    assert "left out: name --clips" in " ".join(result.stdout.split())


def test_an_unknown_figure_is_refused():
    with pytest.raises(StzsarError, match="There is no figure nothing: choose from"):
        Options(only=("nothing",))
