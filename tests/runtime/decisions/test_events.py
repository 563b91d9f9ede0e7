"""Policy and events: what is decided in a window, and where actions start and end."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from stzsar.runtime import Recognizer
from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.policy import Policy, lower_bound
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.results import ActionEvent, Recognition, Score

PERIOD_S, WINDOW_S = 0.25, 1.75


def window(end_s: float, *top: tuple[str, float, float], time: float | None = None) -> Recognition:
    scores = tuple(Score(*one) for one in sorted(top, key=lambda one: -one[1]))
    return Recognition("door", end_s - WINDOW_S, end_s, 8, scores, rate_fps=4.0, time=time)


def showing(label: str | None, end_s: float) -> Recognition:
    best = (label or "nothing much", 0.9 if label else 0.4, 0.3)
    return window(end_s, best, ("something else", 0.05, 0.1))


def run(decider: Decider, shown: Sequence[str | None], start_s: float = 2.0) -> list[ActionEvent]:
    """The events of windows that show one label each, a sampling period apart."""
    return [
        event
        for index, label in enumerate(shown)
        for event in decider.decide(showing(label, start_s + index * PERIOD_S))[1]
    ]


def times(events: Sequence[ActionEvent]) -> list[tuple[str, str, float]]:
    return [(event.event, event.label, round(event.time_s, 3)) for event in events]


def decisions(policy: Policy, *windows: tuple[tuple[str, float, float], ...]) -> list[str | None]:
    decider = Decider(policy, "door")
    return [
        decider.decide(window(2 + index * PERIOD_S, *top))[0].decision
        for index, top in enumerate(windows)
    ]


# What is decided on in a window.


def test_none_of_these_is_the_answer_where_no_label_outweighs_the_others():
    assert decisions(Policy(), (("a", 0.45, 0.3), ("b", 0.4, 0.3))) == [None]
    assert decisions(Policy(), (("a", 0.55, 0.3), ("b", 0.4, 0.3))) == ["a"]


def test_a_label_stays_on_between_its_bounds_and_does_not_come_on_there():
    high, between, low = ((("a", score, 0.3), ("b", 0.25, 0.1)) for score in (0.6, 0.35, 0.28))
    assert decisions(Policy(), between, high, between, between, low, between) == (
        [None, "a", "a", "a", None, None]
    )


def test_a_winner_of_the_softmax_that_fits_badly_is_none_of_these():
    policy = Policy(thresholds={"a": 0.3, "b": 0.1})
    assert decisions(policy, (("a", 0.99, 0.299),)) == [None]
    assert decisions(policy, (("a", 0.99, 0.3),)) == ["a"]
    assert decisions(policy, (("b", 0.99, 0.299),)) == ["b"]


def test_a_label_stays_on_down_to_a_share_of_its_threshold_of_either_sign():
    for threshold, between, low in ((0.3, 0.28, 0.26), (-0.3, -0.32, -0.34)):
        policy = Policy(thresholds={"a": threshold})
        windows = [(("a", 0.99, similarity),) for similarity in (between, threshold, between, low)]
        assert decisions(policy, *windows) == [None, "a", "a", None]
    assert lower_bound(0.0, 0.9) == 0


def test_a_label_without_a_threshold_is_never_decided_on_where_others_have_one():
    assert decisions(Policy(thresholds={"a": 0.1}), (("new", 1.0, 0.9),)) == [None]


def test_another_label_that_comes_on_takes_over_from_the_one_that_could_stay():
    first, second = (("a", 0.6, 0.3), ("b", 0.35, 0.3)), (("b", 0.6, 0.3), ("a", 0.35, 0.3))
    assert decisions(Policy(), first, second) == ["a", "b"]


def test_no_more_labels_are_needed_than_can_have_the_lower_score():
    assert Policy().labels_needed == 3
    assert Policy(score=0.1, keep_score=0.1).labels_needed == 10
    # The one that is on is third: it must be seen to stay.
    tops = ((("a", 0.6, 0.3),), (("b", 0.35, 0.3), ("c", 0.34, 0.3), ("a", 0.31, 0.3)))
    assert decisions(Policy(), *tops) == ["a", "a"]


def test_one_label_without_a_threshold_is_warned_of_since_it_always_wins():
    assert "its score is always 1" in (Policy().warning(1) or "")
    assert Policy().warning(2) is None
    assert Policy(thresholds={"a": 0.2}).warning(1) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"score": 0.0}, "score is .*: give a number above 0"),
        ({"score": float("nan")}, "score is .*: give a number above 0"),
        ({"score": 0.2}, "keep score"),
        ({"keep_similarity": 1.5}, "up to 1"),
        ({"min_length_s": -1.0}, "minimum length"),
        ({"cool_down_s": float("inf")}, "pause"),
        ({"thresholds": {"a": float("nan")}}, "'a'"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_with_what_to_give(wrong, words):
    with pytest.raises(StzsarError, match=words):
        Policy(**wrong)


def test_nobody_changes_the_thresholds_of_a_policy():
    mine = {"a": 0.3}
    policy = Policy(thresholds=mine)
    mine["a"] = 0.0
    assert policy.thresholds == {"a": 0.3}


# Where actions start and end.


def test_an_action_starts_once_it_lasted_and_ends_where_it_was_seen_last():
    events = run(Decider(Policy(), "door"), ["a"] * 5 + [None] * 9)
    assert times(events) == [("start", "a", 2 - WINDOW_S / 2), ("end", "a", 3.0)]
    start, end = events
    assert start.duration_s == pytest.approx(0.5 + WINDOW_S / 2)
    assert end.duration_s == pytest.approx(3.0 - start.time_s)


def test_the_start_is_told_in_the_first_window_in_which_it_has_lasted():
    decider = Decider(Policy(), "door")
    told = [bool(decider.decide(showing("a", 2 + 0.25 * index))[1]) for index in range(4)]
    assert told == [False, False, True, False]


def test_what_is_too_short_is_no_event():
    assert run(Decider(Policy(), "door"), (["a"] * 2 + [None]) * 5) == []


def test_an_action_that_is_seen_again_within_the_cool_down_goes_on():
    events = run(Decider(Policy(), "door"), ["a"] * 3 + [None] * 7 + ["a"] + [None] * 8)
    assert times(events) == [("start", "a", 1.125), ("end", "a", 4.5)]


def test_an_action_that_comes_back_after_the_cool_down_is_another():
    events = run(Decider(Policy(), "door"), ["a"] * 3 + [None] * 8 + ["a"] * 3)
    assert [event.event for event in events] == ["start", "end", "start"]


def test_when_another_action_starts_the_one_before_has_ended_by_then():
    events = run(Decider(Policy(), "door"), ["a"] * 4 + ["b"] * 4)
    # b's first window ends at 3.0, so that a ends at its middle and not at 2.75.
    assert times(events) == [("start", "a", 1.125), ("end", "a", 2.125), ("start", "b", 2.125)]


def test_a_label_that_cuts_in_for_a_moment_ends_nothing():
    events = run(Decider(Policy(), "door"), ["a"] * 4 + ["b"] * 2 + ["a"] * 4)
    assert times(events) == [("start", "a", 1.125)]


def test_two_actions_that_take_turns_are_not_told_again_and_again():
    events = run(Decider(Policy(), "door"), (["a"] * 3 + ["b"] * 3) * 10)
    for label in "ab":
        told_s = [e.time_s + e.duration_s for e in events if (e.event, e.label) == ("start", label)]
        ended_s = [e.time_s for e in events if (e.event, e.label) == ("end", label)]
        assert len(told_s) > 2
        for end_s, again_s in zip(ended_s, told_s[1:], strict=False):
            assert again_s - end_s >= Policy().cool_down_s


def test_an_action_that_was_held_back_by_its_cool_down_starts_where_it_began():
    events = run(Decider(Policy(), "door"), ["a"] * 3 + ["b"] * 3 + ["a"] * 6)
    assert times(events)[-1] == ("start", "a", 3.5 - WINDOW_S / 2)
    assert events[-1].duration_s > 0.5 + WINDOW_S / 2


def test_an_interrupted_action_ends_where_it_was_seen_last():
    decider = Decider(Policy(), "door")
    run(decider, ["a"] * 4 + [None] * 2)
    assert times(decider.interrupt()) == [("end", "a", 2.75)]
    assert decider.interrupt() == []


def test_what_had_not_lasted_before_an_interruption_begins_anew_after_it():
    decider = Decider(Policy(), "door")
    assert run(decider, ["a"] * 2) == []
    assert decider.interrupt() == []
    assert run(decider, ["a"] * 2, start_s=60) == []


def test_time_that_jumps_ends_an_action_by_itself():
    for later_s in (60.0, 1.0):  # on, and back, as a file does that begins anew
        decider = Decider(Policy(), "door")
        events = run(decider, ["a"] * 4)
        events += run(decider, ["a"] * 3, start_s=later_s)
        assert times(events)[1:] == ([("end", "a", 2.75), ("start", "a", later_s - WINDOW_S / 2)])


def test_a_slow_camera_is_no_jump_in_time():
    decider = Decider(Policy(cool_down_s=0.5), "door")
    events = []
    for index in range(5):
        shown = dataclasses.replace(
            showing("a", 20.0 + 5 * index), start_s=18.0 + 5 * index, gap_s=5.0, rate_fps=4.0
        )
        events += decider.decide(shown)[1]
    assert [event.event for event in events] == ["start"]


def test_open_actions_end_with_the_stream_and_the_next_stream_begins_anew():
    decider = Decider(Policy(), "door")
    run(decider, ["a"] * 4)
    assert times(decider.finish()) == [("end", "a", 2.75)]
    assert decider.finish() == []
    assert times(run(decider, ["a"] * 4, start_s=1.8)) == [("start", "a", 0.925)]


def test_a_live_event_has_the_wall_time_of_when_it_happened():
    decider = Decider(Policy(), "door")
    events = []
    for index in range(4):
        end_s = 2 + index * PERIOD_S
        events += decider.decide(window(end_s, ("a", 0.9, 0.3), time=1_000_000 + end_s))[1]
    events += decider.finish()
    assert [event.time for event in events] == [1_000_000 + e.time_s for e in events]
    assert run(Decider(Policy(), "door"), ["a"] * 4)[0].time is None


def test_the_peak_is_the_best_score_of_all_its_windows():
    decider = Decider(Policy(), "door")
    events = []
    for index, score in enumerate((0.95, 0.6, 0.6, 0.97, 0.4)):
        top = (("a", score, 0.3), ("b", 0.03, 0.1))
        events += decider.decide(window(2 + index * PERIOD_S, *top))[1]
    assert [event.peak for event in (*events, *decider.finish())] == [0.95, 0.97]


def test_without_minimum_and_cool_down_every_run_of_windows_is_an_event():
    policy = Policy(min_length_s=0, cool_down_s=0)
    events = run(Decider(policy, "door"), ["a", None, "a", "b", None])
    assert [(event.event, event.label) for event in events] == [
        (kind, label) for label in "aab" for kind in ("start", "end")
    ]


@pytest.mark.parametrize("seed", range(20))
def test_events_of_any_stream_take_turns_in_order_and_rest_on_what_was_decided(seed):
    rng = np.random.default_rng(seed)
    policy = Policy(min_length_s=float(rng.choice([0, 0.5, 1.3])), cool_down_s=rng.uniform(0, 4))
    decider = Decider(policy, "door")
    open_event: ActionEvent | None = None
    now_s, latest_s = 2.0, -np.inf
    seen: list[tuple[float, str | None]] = []
    ended_s: dict[str, float] = {}
    shown: str | None = None
    for step in range(2000):
        if rng.random() < 0.2:
            shown = str(rng.choice(["a", "b", "c", ""])) or None
        now_s += PERIOD_S if rng.random() < 0.99 else rng.uniform(3, 20)
        events = decider.interrupt() if rng.random() < 0.01 else []
        recognition, more = decider.decide(showing(shown, now_s))
        assert recognition.decision == shown
        seen.append((now_s, shown))
        at_the_end = decider.finish() if step == 1999 else []
        for event in [*events, *more, *at_the_end]:
            assert event.time_s >= latest_s  # in the order of time
            latest_s = event.time_s
            if event.event == "start":
                assert open_event is None
                assert event.duration_s == pytest.approx(now_s - event.time_s)
                others_s = [time_s for time_s, label in seen if label != event.label]
                since_s = max(others_s, default=-np.inf)
                first_s = min(time_s for time_s, _ in seen if time_s > since_s)
                assert now_s - first_s >= policy.min_length_s - 1e-6
                assert first_s - WINDOW_S / 2 <= event.time_s <= now_s
                assert now_s - ended_s.get(event.label, -np.inf) >= policy.cool_down_s - 1e-6
                open_event = event
            else:
                assert open_event is not None
                assert event.label == open_event.label
                assert event.duration_s == pytest.approx(event.time_s - open_event.time_s)
                before = seen if event in at_the_end else seen[:-1]
                last_s = max(time_s for time_s, label in before if label == event.label)
                assert event.time_s <= last_s
                ended_s[event.label] = last_s
                open_event = None
    assert open_event is None
    assert ended_s


def test_what_lasts_longer_than_any_bound_is_always_an_event():
    rng = np.random.default_rng(3)
    for _ in range(30):
        decider = Decider(Policy(), "door")
        before = [str(rng.choice(["a", "b", ""])) or None for _ in range(40)]
        run(decider, [*before, *["a"] * 11])
        assert decider.action == "a"


def test_ten_thousand_labels_leave_nothing_behind():
    decider = Decider(Policy(min_length_s=0, cool_down_s=1), "door")
    run(decider, [f"label {index}" for index in range(10_000)])
    assert len(decider._ended_s) <= 1 + 1 / PERIOD_S


def test_the_shipped_sample_gives_its_five_actions_in_order():
    sample = shipped_bundle().parent / "sample.mp4"
    recognizer = Recognizer.load(shipped_bundle(), threads=1)
    decider = Decider(Policy(), "sample")
    events: list[ActionEvent] = []
    for recognition in recognizer.stream(sample):
        events += decider.decide(recognition)[1]
    events += decider.finish()
    starts = [event for event in events if event.event == "start"]
    wanted = ["red heart moving left", "white diamond swinging on a rope", "blue hourglass growing"]
    wanted += ["white ring shaking", "blue circle falling"]
    assert [label for label in dict.fromkeys(e.label for e in starts) if label in wanted] == wanted
    for number, label in enumerate(wanted):
        (start, *_) = [event for event in starts if event.label == label]
        assert abs(start.time_s - 4 * number) < 1.5


def test_the_colour_that_is_shown_is_decided_on_and_another_is_none_of_these(
    recognizer, draw_video, tmp_path
):
    video = draw_video(tmp_path / "colours.avi", ["red"] * 32 + ["blue"] * 32)
    for thresholds, wanted in ((None, {"red", "blue"}), ({"red": 0.8, "green": 0.8}, {"red"})):
        decider = Decider(Policy(thresholds=thresholds), "colours")
        events = [e for r in recognizer.stream(video) for e in decider.decide(r)[1]]
        assert {event.label for event in (*events, *decider.finish())} == wanted
