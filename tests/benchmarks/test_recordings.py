"""The table of recordings: what it measures, on the shipped bundle and its sample clip."""

import re

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.recordings import largest_difference, main
from stzsar.runtime.results import Recognition, Score

from .tables import cells


def test_states_alone_are_exact_and_features_cost_more():
    result = CliRunner().invoke(main, ["--quick", "--patches", "4", "--patches", "16"])
    assert result.exit_code == 0, result.output
    rows = [cells(result.output, row) for row in range(3)]
    # 16 are all, which has a row of its own.
    assert [row[0] for row in rows] == ["states alone", "features, all patches",
                                        "features, 4 patches"]  # fmt: skip
    sizes = [float(row[1]) for row in rows]
    assert sizes[0] < sizes[2] < sizes[1]
    # Two states, 128 + 24 numbers, and 17 bytes of time and flags; the rest is heads.
    least = (152 * 4 + 17) * 4 * 3600 / 2**20
    assert least < sizes[0] < 1.1 * least
    assert rows[0][4:] == ["0.000000", "100.0%"]
    assert 0 < float(rows[1][4]) < float(rows[2][4]) < 0.1


def test_random_labels_are_replayed_exactly():
    result = CliRunner().invoke(main, ["--quick", "--labels", "50", "--attributes", "3"])
    assert result.exit_code == 0, result.output
    assert "50 labels of up to 3 attributes" in result.output
    name, *numbers, difference, same = cells(result.output)
    assert (name, difference, same) == ("states alone", "0.000000", "100.0%")
    assert len(numbers) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--attributes", "3"], "--labels"), (["--labels", "3", "--patches", "2"], "--patches")],
)
def test_options_that_say_nothing_are_refused(options, said):
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 2
    assert said in result.output


def test_the_largest_difference_is_that_of_the_same_label():
    ours, theirs = (
        Recognition("x", 0, 1, 4, tuple(Score(label, score, 0) for label, score in scores))
        for scores in ([("a", 0.7), ("b", 0.3)], [("b", 0.6), ("a", 0.4)])
    )
    assert largest_difference(ours, theirs) == pytest.approx(0.3)


def test_a_clip_without_a_window_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["--source", str(tmp_path / "none.mp4")])
    assert result.exit_code == 2
    assert re.search(r"^Error: .*none\.mp4", result.output, re.MULTILINE)
