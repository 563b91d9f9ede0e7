"""The command with --quick, in real processes."""

import re

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.ablation.cli import main
from stzsar.benchmarks.ablation.variants import VARIANTS


def run(*options):
    result = CliRunner().invoke(main, ["--quick", *map(str, options)])
    assert result.exit_code == 0, result.output
    return result.stdout


def cells(printed):
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_run_trains_its_rows_resumes_and_draws(tmp_path):
    names = ("guided-2", "product-8-still")
    rows = [f"--row={row}" for row in names]
    options = (*rows, "--seeds", 2, "--output", tmp_path / "run", "--plot", tmp_path / "a.png")
    printed = run(*options)
    done = (tmp_path / "run" / "rows.jsonl").read_text()

    found = cells(printed)[2:4]
    assert [row[:3] for row in found] == [
        ["guided", "2", "2"],
        ["S × f, no temporal transformer", "8", "2"],
    ]
    assert all(re.fullmatch(r"\d+\.\d ± \d+\.\d", cell) for row in found for cell in row[3:])
    # What is done is published while the rest trains: the last time, all of it.
    assert (tmp_path / "run" / "tables.md").read_text() == printed
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    # A second start trains nothing, and prints the same.
    assert run(*options) == printed
    assert (tmp_path / "run" / "rows.jsonl").read_text() == done


@pytest.mark.slow
def test_other_rows_and_more_seeds_are_added_to_those_that_are_done(tmp_path):
    run("--output", tmp_path, "--row", "mean-0", "--seeds", 1)
    first = (tmp_path / "rows.jsonl").read_text()
    printed = run("--output", tmp_path, "--row", "off-0", "--seeds", 2)
    assert cells(printed)[2][:3] == ["saliency S", "label only", "2"]
    assert (tmp_path / "rows.jsonl").read_text().startswith(first)
    published = cells((tmp_path / "tables.md").read_text())[2:4]
    assert [row[0] for row in published] == ["mean pooling", "saliency S"]


@pytest.mark.slow
def test_every_row_is_trained(tmp_path):
    found = cells(run("--output", tmp_path, "--seeds", 1))[2:]
    assert [row[0] for row in found[: len(VARIANTS)]] == [variant.name for variant in VARIANTS]


def test_a_row_can_train_its_encoder_too(tmp_path):
    rows = ("--row", "product-8", "--seeds", 1, "--output", tmp_path)
    assert cells(run("--end-to-end", *rows))[2][:2] == ["S × f", "8"]
