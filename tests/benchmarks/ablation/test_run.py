"""What is done is kept, and a folder of another run is not touched."""

import dataclasses
import functools
import os

import pytest

from stzsar.benchmarks.ablation.cli import QUICK
from stzsar.benchmarks.ablation.options import Options
from stzsar.benchmarks.ablation.run import Folder, run
from stzsar.benchmarks.ablation.variants import TrainedRow, Variant
from stzsar.runtime.errors import StzsarError

DONE = TrainedRow(Variant("product", 8, "value"), 1, {"unseen, hard": 0.5})


def test_rows_that_are_done_are_there_for_the_next_start(tmp_path):
    Folder(tmp_path / "run", QUICK.budget).keep(DONE)
    assert Folder(tmp_path / "run", QUICK.budget).rows() == [DONE]


def test_a_row_that_was_cut_off_while_it_was_written_is_trained_again(tmp_path):
    folder = Folder(tmp_path, QUICK.budget)
    folder.keep(DONE)
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"row": "mean')

    assert folder.rows() == [DONE]
    folder.keep(DONE)
    assert folder.rows() == [DONE, DONE]


def test_another_budget_takes_another_folder(tmp_path):
    Folder(tmp_path, QUICK.budget)
    with pytest.raises(StzsarError, match="another --output"):
        Folder(tmp_path, Options().budget)


def test_another_mix_of_clips_takes_another_folder(tmp_path):
    Folder(tmp_path, QUICK.budget)
    with pytest.raises(StzsarError, match="another --output"):
        Folder(tmp_path, dataclasses.replace(QUICK, setting="mixed").budget)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(StzsarError, match="has other files"):
        Folder(tmp_path, QUICK.budget)


def test_a_process_that_is_killed_is_one_sentence(tmp_path, monkeypatch):
    # What each process does first ends it at once.
    ends = functools.partial(os._exit, 1)
    monkeypatch.setattr("stzsar.benchmarks.ablation.run._be_quiet", ends)
    options = dataclasses.replace(QUICK, rows=("product-8",), output=tmp_path)
    with pytest.raises(StzsarError, match=r"was killed, .* the same command to resume"):
        run(options, lambda *_: None)
    assert Folder(tmp_path, QUICK.budget).rows() == []
