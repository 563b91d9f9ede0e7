"""Published figures beside ours."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.labels.shipped import shipped_labels
from stzsar.train.evaluation.arithmetic import Accuracy, Spread
from stzsar.train.evaluation.options import EvalOptions
from stzsar.train.evaluation.published import published
from stzsar.train.evaluation.report import ClassResult, ContestRow, Report, Summary
from stzsar.train.evaluation.tables import TO_BE_RUN, tables_beside


@pytest.fixture
def report():
    """A report of one contest among the classes of UCF-101."""
    row = ContestRow("all", 101, Accuracy(0.775, 0.9, 0.7, 13320), None)
    classes = tuple(ClassResult(label.name, 1, 1.0, None) for label in shipped_labels("ucf-101"))
    return Report((row,), {}, {}, classes, (), np.zeros((0, 0)), ())


def lines(family, report, protocol):
    lists = None if protocol == "plain" else Path("lists")
    options = EvalOptions(
        model=Path("m"), data=Path("d"), lists=lists, protocol=protocol, beside=family
    )
    (table,) = tables_beside(options, report)
    console = Console(width=300)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def test_our_figure_stands_in_the_row_of_the_same_test(report):
    found = lines("bike", report, "full")
    (ours,) = [line for line in found if "77.5" in line]
    assert "ucf-101" in ours
    assert "80.8" in ours
    assert sum("│ -    │" in line for line in found) == 4
    assert TO_BE_RUN in found[-1]
    spread = Spread(0.801, 0.012)
    several = dataclasses.replace(report, summary={"head": Summary(spread, spread, spread)})
    found = lines("vifi-clip", several, "splits")
    assert any("76.8 ± 0.7" in line and "80.1 ± 1.2" in line for line in found)
    assert not any("77.5" in line for line in lines("ost", report, "plain"))
    assert not any("Over prompts" in line for line in found)


def test_the_table_says_which_mean_over_prompts_each_figure_has(report):
    said = " ".join(" ".join(lines("actionclip", report, "splits")).split())
    assert "their test averages softmaxes, ours embeddings" in said


def test_families_of_the_import_have_figures_with_a_source(tmp_path):
    from stzsar.train.foreign.families import NAMES

    for name, family in published().items():
        assert all(row.source for row in family.rows), name
    assert {"openai", "vifi-clip", "maxi", "ost"} <= set(published()) & set(NAMES)
    with pytest.raises(StzsarError, match="no published figures of 'clip'"):
        EvalOptions(model=tmp_path, data=tmp_path, beside="clip")
