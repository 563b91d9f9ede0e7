"""The arithmetic of the tables, on made-up results with known answers."""

import pytest

from stzsar.benchmarks.ablation.exams import READ
from stzsar.benchmarks.ablation.readings import (
    ON_ACTION,
    ON_ACTION_BY_CHANCE,
    ON_THING,
    ON_THING_BY_CHANCE,
)
from stzsar.benchmarks.ablation.table import COLUMNS, attention, differences, table, values
from stzsar.benchmarks.ablation.variants import VARIANTS, TrainedRow, Variant

LOOKS = [
    f"{exam.setting}: {what}"
    for exam in READ
    for what in (ON_ACTION, ON_ACTION_BY_CHANCE, ON_THING, ON_THING_BY_CHANCE)
]


@pytest.fixture
def results():
    """Row r of seed s reaches r + s per cent, in every reading; the seeds came in disorder."""
    readings = (*COLUMNS, *LOOKS)
    return [
        TrainedRow(variant, seed, dict.fromkeys(readings, (row + seed) / 100))
        for seed in (2, 0, 1)
        for row, variant in enumerate(VARIANTS)
    ]


def cells(printed, start):
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    (row,) = (row for row in rows if row[: len(start)] == list(start))
    return row


def test_values_are_in_the_order_of_the_seeds(results):
    found = values(results, VARIANTS[1], COLUMNS[0])
    assert list(found) == [0, 1, 2]
    assert list(found.values()) == pytest.approx([0.01, 0.02, 0.03])


def test_the_table_has_means_and_sample_deviations_in_per_cent(results):
    printed = table(results)
    expected = ["mean pooling", "2", "3"] + ["2.0 ± 1.0"] * len(COLUMNS)
    assert cells(printed, ("mean pooling", "2")) == expected
    assert len(printed.splitlines()) == 2 + len(VARIANTS)


def test_differences_are_taken_within_a_seed(results):
    # The rows of product are those of mean eight places later; the seeds' own part cancels.
    printed = differences(results)
    assert cells(printed, ("S × f against mean pooling",))[1:] == ["+8.0 ± 0.0"] * 3


def test_a_difference_leaves_out_seeds_that_lack_one_of_its_rows(results):
    late = Variant("mean", 8)
    part = [result for result in results if result.variant != late or result.seed == 2]
    assert cells(differences(part), ("S × f against mean pooling",))[1:] == ["+8.0"] * 3
    none = [result for result in part if result.variant != Variant("product", 8) or result.seed < 2]
    assert cells(differences(none), ("S × f against mean pooling",))[1:] == ["–"] * 3


def test_one_seed_has_no_deviation(results):
    printed = table([result for result in results if result.seed == 0])
    assert cells(printed, ("mean pooling", "label only"))[3:] == ["0.0"] * len(COLUMNS)


def test_heads_without_patches_are_not_said_to_look_anywhere(results):
    for result in results:
        if not result.variant.parts.uses_patches:
            for what in LOOKS:
                if "thing" in what:
                    result.found.pop(what)
    printed = attention(results)
    assert cells(printed, ("saliency S", "2"))[3::2] == ["–", "–"]
    assert "mean pooling" not in printed
    place = VARIANTS.index(Variant("product", 2))
    expected = f"{place + 1:.1f} ± 1.0 ({place + 1:.1f})"
    assert cells(printed, ("S × f", "2"))[2:] == [expected] * 4
