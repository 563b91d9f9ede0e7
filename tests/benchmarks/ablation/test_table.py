"""The arithmetic of the tables, on made-up results with known answers."""

import pytest

from stzsar.benchmarks.ablation.readings import (
    ON_ACTION,
    ON_ACTION_BY_CHANCE,
    ON_THING,
    ON_THING_BY_CHANCE,
)
from stzsar.benchmarks.ablation.table import COLUMNS, attention, differences, table, values
from stzsar.benchmarks.ablation.variants import VARIANTS, TrainedRow, Variant

READINGS = (*COLUMNS, ON_ACTION, ON_ACTION_BY_CHANCE, ON_THING, ON_THING_BY_CHANCE)


@pytest.fixture
def results():
    """Row r of seed s reaches 10 r + s per cent, in every reading; the seeds came in disorder."""
    return [
        TrainedRow(variant, seed, dict.fromkeys(READINGS, (5 * row + seed) / 100))
        for seed in (2, 0, 1)
        for row, variant in enumerate(VARIANTS)
    ]


def cells(printed, start):
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (row,) = (row for row in rows if row[: len(start)] == list(start))
    return row


def test_values_are_in_the_order_of_the_seeds(results):
    assert values(results, VARIANTS[1], COLUMNS[0]).tolist() == pytest.approx([0.05, 0.06, 0.07])


def test_the_table_has_means_and_sample_deviations_in_per_cent(results):
    printed = table(results)
    assert cells(printed, ("mean pooling", "2")) == ["mean pooling", "2"] + ["6.0 ± 1.0"] * 4
    assert len(printed.splitlines()) == 2 + len(VARIANTS)


def test_differences_are_taken_within_a_seed(results):
    # The rows of product are those of mean eight places later; the seeds' own part cancels.
    printed = differences(results)
    assert (
        cells(printed, ("S × f against mean pooling, both with 8 attributes",))[1:]
        == ["+40.0 ± 0.0"] * 2
    )


def test_one_seed_has_no_deviation(results):
    printed = table([result for result in results if result.seed == 0])
    assert cells(printed, ("mean pooling", "label only"))[2:] == ["0.0"] * 4


def test_heads_without_patches_are_not_said_to_look_anywhere(results):
    printed = attention(results)
    assert cells(printed, ("saliency S", "2"))[-1] == "–"
    assert "mean pooling" not in printed
    place = VARIANTS.index(Variant("product", 2))
    expected = f"{5 * place + 1:.1f} ± 1.0 ({5 * place + 1:.1f})"
    assert cells(printed, ("S × f", "2"))[2:] == [expected] * 2
