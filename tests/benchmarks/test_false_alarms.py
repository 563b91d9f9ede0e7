"""The table of false alarms: what is counted, and that the command prints it."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.benchmarks import false_alarms as benchmark
from stzsar.benchmarks.false_alarms import AlarmCount, count_found, count_prompt, table
from stzsar.benchmarks.site_footage import (
    ACTIONS,
    SITES,
    Shown,
    examples,
    frames_of,
    mixed,
    ordinary,
    see,
)
from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.results import ActionEvent

from .tables import cells


def test_a_row_holds_the_mean_over_seeds_and_the_range():
    one, other = (
        AlarmCount(
            site="other",
            lever="taught",
            asked_per_day=24,
            ordinary_hours=2,
            false_events=events,
            actions=4,
            found=found,
            prompt=0,
        )
        for events, found in ((3, 1), (5, 2))
    )
    empty = ["", "", ""]
    assert cells(table([one])) == ["other", "taught", *empty, "1.5", "25", "0"]
    wanted = ["other", "taught", *empty, "2.0 (1.5 – 2.5)", "38 (25 – 50)", "0 (0 – 0)"]
    assert cells(table([one, other])) == wanted
    alone = replace(one, asked_per_day=None)
    assert cells(table([alone])) == ["other", "taught", "1.5", "25", "0", *empty]


def test_an_action_is_found_by_an_event_of_its_label_that_meets_it():
    footage = [Shown(0, 4, "a", 0), Shown(4, 8, "b", 0), Shown(8, 12, "a", 0)]

    def end(label: str, start_s: float, end_s: float) -> ActionEvent:
        return ActionEvent("end", "site", label, end_s, None, 0.9, end_s - start_s)

    assert count_found(footage, [end("a", 1, 3)]) == 1
    assert count_found(footage, [end("a", 4.5, 7.5), end("c", 0, 12)]) == 0
    assert count_found(footage, [end("a", 3, 9), end("b", 5, 6)]) == 3
    assert count_prompt(footage, [end("a", 3, 9), end("b", 5.9, 6)]) == 1


def test_ordinary_footage_shows_no_label_and_the_other_shows_each_after_it():
    labels = {action.label.name for action in ACTIONS}
    assert len(labels) == 12
    for site in SITES:
        assert not labels & {shown.name for shown in ordinary(site, 1000, seed=0)}
        assert [shown.name in labels for shown in mixed(site, 5, seed=0)] == [False, True] * 5
        taught = examples(site, 2, seconds=6, seed=0)
        assert [shown.name for shown in taught[::2]] == [action.label.name for action in ACTIONS]


def test_sites_that_differ_in_their_actions_share_their_ordinary_footage():
    other, same, still, short = (site.as_ordinary for site in SITES)

    assert other == short
    assert len({other, same, still}) == 3


def test_windows_are_what_a_stream_gives_that_sees_frame_after_frame():
    site = SITES[2]
    footage = ordinary(site, 60, seed=0)
    name = footage[1].name
    footage = [
        *(Shown(0, 1, name, 1), Shown(1, 1.5, name, 2), Shown(1.5, 6, "", 0, 0)),
        *(Shown(6, 10, name, 3, 0), Shown(10, 11, "", 0, 0), Shown(11, 12.5, name, 4)),
    ]
    with Recognizer.load(
        shipped_bundle(), [action.label for action in ACTIONS[:3]], ignore=site.ignore, threads=1
    ) as recognizer:
        seen = see(recognizer.scorer, footage)
        stream = recognizer.open_stream("site")
        pictures = [picture for shown in footage for picture in frames_of(shown)]
        found = [stream.push(picture, number / 4) for number, picture in enumerate(pictures)]

    one_by_one = [result.everything for result in found if result and result.everything]
    assert seen.ends_s == [result.end_s for result in found if result]
    assert len(seen.ends_s) == 50 - 7
    for row, alone in zip(seen.similarities, one_by_one, strict=True):
        np.testing.assert_allclose(row, alone.similarities, atol=1e-5)
    assert seen.scale == one_by_one[0].scale


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_lever():
    result = CliRunner().invoke(benchmark.main, ["--quick"])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.stdout.splitlines() if line.startswith("| other")]
    assert len(rows) == 3
