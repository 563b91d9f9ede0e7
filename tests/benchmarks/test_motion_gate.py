import pytest
from click.testing import CliRunner

from stzsar.benchmarks.motion_gate import compare, main, table
from stzsar.runtime.results import Recognition, Score

from .tables import cells


def found(a: float, encoded: int) -> Recognition:
    top = sorted((Score("a", a, 0.0), Score("b", 1 - a, 0.0)), key=lambda s: -s.score)
    return Recognition("x", 0.0, 1.0, 4, tuple(top), encoded=encoded)


def test_results_are_compared_window_by_window():
    row = compare(8, [found(0.9, 4), found(0.6, 4)], [found(0.9, 2), found(0.4, 0)])

    assert (row.level, row.encoded, row.same) == (8, 0.25, 0.5)
    assert (row.largest, row.mean) == (pytest.approx(0.2), pytest.approx(0.1))
    assert cells(table([row])) == ["8", "25%", "0.1000", "0.2000", "50.0%"]


def test_the_command_prints_a_row_for_each_level():
    result = CliRunner().invoke(main, ["--level", "2", "--level", "200"])

    assert result.exit_code == 0, result.output
    first, last = (line.split("|") for line in result.stdout.splitlines()[-2:])
    assert (first[1].strip(), last[1].strip()) == ("2", "200")
    assert int(last[2].strip().rstrip("%")) < int(first[2].strip().rstrip("%"))
