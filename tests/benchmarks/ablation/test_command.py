"""The command with --quick, in real processes."""

import re

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.ablation.cli import main
from stzsar.benchmarks.ablation.variants import HEADS


def run(*options):
    result = CliRunner().invoke(main, ["--quick", *map(str, options)])
    assert result.exit_code == 0, result.output
    return result.stdout


def cells(printed):
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_run_trains_its_rows_resumes_and_draws(tmp_path):
    rows = [f"--row={row}" for row in ("mean-0", "off-2", "product-8")]
    options = (*rows, "--seeds", 2, "--output", tmp_path / "run", "--plot", tmp_path / "a.png")
    printed = run(*options)
    done = (tmp_path / "run" / "rows.jsonl").read_text()

    found = [row for row in cells(printed) if row[0] in HEADS.values()]
    assert [row[:2] for row in found[:3]] == [
        ["mean pooling", "label only"], ["saliency S", "2"], ["S × f", "8"],
    ]  # fmt: skip
    assert all(re.fullmatch(r"\d+\.\d ± \d+\.\d", cell) for row in found[:3] for cell in row[2:])
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    # A second start trains nothing, and prints the same.
    assert run(*options) == printed
    assert (tmp_path / "run" / "rows.jsonl").read_text() == done


@pytest.mark.slow
def test_every_row_is_trained(tmp_path):
    found = [row for row in cells(run("--output", tmp_path)) if row[0] in HEADS.values()]
    assert [row[0] for row in found[:16]] == [head for head in HEADS.values() for _ in range(4)]


def test_a_row_can_train_its_encoder_too(tmp_path):
    rows = ("--row", "product-8", "--seeds", 1, "--output", tmp_path)
    assert cells(run("--end-to-end", *rows))[2][:2] == ["S × f", "8"]
