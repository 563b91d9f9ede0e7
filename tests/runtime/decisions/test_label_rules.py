"""Rules of labels: when an action is an event, when it ends or is told again, how urgent it is."""

from typing import Any

import pytest

from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.errors import LabelError, StzsarError
from stzsar.runtime.labels.rules import LabelRule, LabelRules, check_rules
from stzsar.runtime.results import Recognition, Score

PERIOD_S = 0.25


def window(label, end_s):
    shown = (Score(label or "nothing much", 0.9 if label else 0.4, 0.3), Score("other", 0.05, 0.1))
    return Recognition("door", end_s - 1.75, end_s, 8, shown, rate_fps=4.0)


def run(decider, *shown):
    """The events of windows, each (label, seconds) shown one after the other from 2 s on."""
    labels = [label for label, seconds in shown for _ in range(round(seconds / PERIOD_S))]
    found = []
    for index, label in enumerate(labels):
        found += decider.decide(window(label, 2 + index * PERIOD_S))[1]
    return [*found, *decider.finish()]


def told(events):
    return [(one.event, one.label, one.time_s) for one in events]


def test_a_label_has_its_own_minimum_length():
    policy = Policy(min_length_s=0.5, rules={"a": LabelRule(min_length_s=2.0)})
    assert run(Decider(policy, "door"), ("a", 1.5), (None, 5)) == []
    assert [one.label for one in run(Decider(policy, "door"), ("b", 1.5), (None, 5))] == ["b", "b"]
    start, _ = run(Decider(policy, "door"), ("a", 3), (None, 5))
    assert start.duration_s == pytest.approx(2.0 + 1.75 / 2)


def test_a_label_has_its_own_pause_before_it_ends_and_before_it_starts_again():
    policy = Policy(cool_down_s=1.0, rules={"a": LabelRule(cool_down_s=10.0)})
    shown = (("a", 2), (None, 5), ("a", 2), (None, 12))
    assert [one.event for one in run(Decider(policy, "door"), *shown)] == ["start", "end"]
    same = [("b" if label else None, seconds) for label, seconds in shown]
    assert [one.event for one in run(Decider(policy, "door"), *same)] == ["start", "end"] * 2
    # Interrupted by another action, it does not start again within its own pause.
    events = run(Decider(policy, "door"), ("a", 2), ("b", 3), ("a", 4), (None, 12))
    assert [(one.event, one.label) for one in events][:4] == [
        *(("start", "a"), ("end", "a"), ("start", "b"), ("end", "b"))
    ]
    assert len(events) == 4


def test_an_action_that_goes_on_is_told_again_while_it_is_seen():
    policy = Policy(cool_down_s=3.0, rules={"a": LabelRule(repeat_s=2.0)})
    events = run(Decider(policy, "door"), ("a", 5.25), (None, 2), ("a", 1), (None, 5))
    assert [one.event for one in events] == ["start", "repeat", "repeat", "repeat", "end"]
    # Told at 2.5 s first; at 8.5 s nobody sees it, so that waits until somebody does.
    assert [one.time_s for one in events[1:4]] == [4.5, 6.5, 9.25]
    assert [one.duration_s for one in events[1:4]] == pytest.approx([3.375, 5.375, 8.125])
    assert run(Decider(Policy(), "door"), ("a", 9))[1].event == "end"


def test_every_event_of_a_label_carries_its_priority():
    policy = Policy(rules={"a": LabelRule(repeat_s=1.0, priority="urgent")})
    events = run(Decider(policy, "door"), ("a", 3), ("b", 3), (None, 5))
    assert {(one.label, one.priority) for one in events} == {("a", "urgent"), ("b", None)}
    assert {one.event for one in events} == {"start", "repeat", "end"}


def test_a_stream_that_is_off_has_no_events_and_ends_the_one_it_has():
    decider = Decider(Policy(), "door")

    def decided(from_s):
        windows = (window("a", from_s + index * PERIOD_S) for index in range(8))
        return [event for one in windows for event in decider.decide(one)[1]]

    assert told(decided(2.0)) == [("start", "a", 1.125)]
    assert told(decider.be_on(False)) == [("end", "a", 3.75)]
    results = [decider.decide(window("a", 4 + index * PERIOD_S)) for index in range(40)]
    assert all(found.decision == "a" and events == [] for found, events in results)
    assert decider.be_on(True) == []
    # What was shown while it was off is no part of the new event.
    assert told(decided(14.0)) == [("start", "a", 13.125)]


def test_rules_are_for_streams_and_regions_and_later_ones_win():
    rules = LabelRules(
        [
            {"labels": ["a", "b"], "cool_down": 5, "priority": "low"},
            {"labels": ["a"], "streams": ["hall"], "priority": "high"},
            {"labels": ["a"], "streams": ["hall/door"], "repeat": 60},
        ],
        file="streams.toml",
    )
    general = LabelRule(cool_down_s=5, priority="low")
    assert rules.of("yard") == {"a": general, "b": general}
    assert rules.of("hall")["a"] == LabelRule(cool_down_s=5, priority="high")
    assert rules.of("hall", "hall/door")["a"] == LabelRule(
        cool_down_s=5, priority="high", repeat_s=60
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "rule 1 of streams.toml: missing required field labels"),
        ({"labels": []}, "labels: expected array of length >= 1"),
        ({"labels": ["a"]}, "Rule 1 of streams.toml changes nothing"),
        ({"labels": ["a"], "min_length": -1}, "min_length: expected float >= 0"),
        ({"labels": ["a"], "repeat": 0}, "repeat: expected float >= 1"),
        ({"labels": ["a"], "priority": "max"}, "priority: invalid enum value"),
        ({"labels": ["a"], "cooldown": 1}, "unknown field cooldown; a .* takes labels, streams"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(table, message):
    with pytest.raises(LabelError, match=message):
        LabelRules([table], file="streams.toml")


def test_rules_for_what_there_is_not_are_refused():
    rules = LabelRules([{"labels": ["a"], "streams": ["hal"], "repeat": 9}], file="streams.toml")
    with pytest.raises(LabelError, match=r"stream 'hal', which the file does not have.*'hall'"):
        rules.check_streams(["hall", "door"])
    with pytest.raises(LabelError, match=r"label 'waving', which no stream has .*'waving a hand'"):
        check_rules([{"waving": LabelRule()}], ["waving a hand", "archery"])


def test_numbers_that_mean_nothing_are_refused():
    wrong: Any
    for wrong in ({"min_length_s": -1}, {"repeat_s": 0}, {"cool_down_s": float("nan")}):
        with pytest.raises(StzsarError, match=r"A rule's"):
            LabelRule(**wrong)
    with pytest.raises(StzsarError, match="priority"):
        LabelRule(priority="max")  # pyright: ignore[reportArgumentType]
    for wrong in ({"waving": 3}, [LabelRule()]):
        with pytest.raises(StzsarError, match="not a dict of LabelRule"):
            Policy(rules=wrong)
