"""What is done is kept, and a folder of another run is not touched."""

import functools
import os

import pytest

from stzsar.benchmarks.ablation.budget import QUICK, Budget, Result
from stzsar.benchmarks.ablation.run import Folder, run
from stzsar.benchmarks.ablation.variants import Variant
from stzsar.runtime.errors import StzsarError

DONE = Result(Variant("product", 8), 1, {"unseen, hard": 0.5})


def test_rows_that_are_done_are_there_for_the_next_start(tmp_path):
    Folder(tmp_path / "run", QUICK).keep(DONE)
    assert Folder(tmp_path / "run", QUICK).results() == [DONE]


def test_a_row_that_was_cut_off_while_it_was_written_is_trained_again(tmp_path):
    folder = Folder(tmp_path, QUICK)
    folder.keep(DONE)
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"row": ["mean"')

    assert folder.results() == [DONE]
    folder.keep(DONE)
    assert folder.results() == [DONE, DONE]


def test_another_budget_takes_another_folder(tmp_path):
    Folder(tmp_path, QUICK)
    with pytest.raises(StzsarError, match="another --output"):
        Folder(tmp_path, Budget())


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(StzsarError, match="holds something else"):
        Folder(tmp_path, QUICK)


def test_a_process_that_is_killed_is_one_sentence(tmp_path, monkeypatch):
    # What each process does first ends it at once.
    ends = functools.partial(os._exit, 1)
    monkeypatch.setattr("stzsar.benchmarks.ablation.run._be_quiet", ends)
    folder = Folder(tmp_path, QUICK)
    with pytest.raises(StzsarError, match=r"was killed, .* the same command goes on"):
        run(folder, QUICK, [DONE.variant], lambda _: None)
    assert folder.results() == []
