"""The table of false alarms: what is counted, and that the command prints it."""

import pytest
from click.testing import CliRunner

from stzsar.benchmarks import false_alarms as benchmark
from stzsar.benchmarks.false_alarms import AlarmCount, Shown, count_found, mixed, ordinary, table
from stzsar.runtime.results import ActionEvent

from .tables import cells


def test_a_row_holds_what_was_counted():
    row = AlarmCount(
        kind="other", asked_per_day=24, ordinary_hours=2, false_events=3, actions=4, found=1
    )
    wanted = ["other", "24 per day = 1 per hour", "1.50 (3 in 2 h)", "1 of 4 (25%)"]
    assert cells(table([row])) == wanted


def test_an_action_is_found_by_an_event_of_its_label_that_meets_it():
    footage = [Shown(0, 4, "a", 0), Shown(4, 8, "b", 0), Shown(8, 12, "a", 0)]

    def end(label: str, start_s: float, end_s: float) -> ActionEvent:
        return ActionEvent("end", "site", label, end_s, None, 0.9, end_s - start_s)

    assert count_found(footage, [end("a", 1, 3)]) == 1
    assert count_found(footage, [end("a", 4.5, 7.5), end("c", 0, 12)]) == 0
    assert count_found(footage, [end("a", 3, 9), end("b", 5, 6)]) == 3


def test_ordinary_footage_shows_no_label_and_the_other_shows_each_after_it():
    labels = {action.label.name for action in benchmark._ACTIONS}
    assert len(labels) == 12
    for kind in benchmark._ORDINARY:
        assert not labels & {shown.name for shown in ordinary(kind, 1000, seed=0)}
        assert [shown.name in labels for shown in mixed(kind, 5, seed=0)] == [False, True] * 5


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_rate_and_one_without_calibration():
    result = CliRunner().invoke(benchmark.main, ["--hours", "0.4", "--actions", "3"])
    assert result.exit_code == 0, result.output
    _, _, *rows = result.stdout.splitlines()
    assert len(rows) == 2 * (1 + len(benchmark.RATES_PER_DAY))
    assert cells(result.stdout, 0)[1] == "not calibrated"
