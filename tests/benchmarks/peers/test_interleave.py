"""Workers in turn, as real processes that speak the protocol without a network behind it."""

import functools
import itertools
import sys
from pathlib import Path

import pytest

from stzsar.benchmarks.peers.interleave import Pace, interleave
from stzsar.benchmarks.peers.process import Worker, WorkerError

FAKE = Path(__file__).with_name("fake_worker.py")
PACE = Pace(rounds=3, turn_s=0.01, load_s=30.0, answer_s=30.0)


@pytest.fixture
def fake(tmp_path):
    def start(name: str, mode: str) -> Worker:
        command = [sys.executable, str(FAKE), str(tmp_path), name, mode]
        return Worker(command, tmp_path / f"{name}.log")

    return lambda name, mode: functools.partial(start, name, mode)


def turns_of(folder: Path, name: str) -> list[tuple[float, float, int]]:
    lines = (folder / f"{name}.turns").read_text().splitlines()
    return [(float(a), float(b), int(c)) for a, b, c in (line.split() for line in lines)]


def test_every_worker_has_a_turn_in_every_round_and_none_beside_another(fake, tmp_path):
    names = ["a", "b", "c"]
    tracks = interleave({name: fake(name, "5") for name in names}, PACE)
    for name in names:
        assert not tracks[name].failed
        assert tracks[name].rounds_ms == [[5.0, 5.0]] * 3  # two decisions of 5 ms are 0.01 s
        assert tracks[name].ready["load_s"] == 1.5
        assert (tracks[name].rss_mib or 0) > 1
    spans = sorted(
        (start, end, name) for name in names for start, end, _ in turns_of(tmp_path, name)
    )
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    # One to see how long a decision takes, then one in each round.
    assert [name for *_, name in spans][:3] == names
    rounds = [[name for *_, name in spans[at : at + 3]] for at in (3, 6, 9)]
    assert all(sorted(order) == names for order in rounds)
    assert len({tuple(order) for order in rounds}) > 1


def test_a_slow_worker_makes_one_decision_in_its_turn(fake, tmp_path):
    tracks = interleave({"slow": fake("slow", "9000")}, PACE)
    assert tracks["slow"].rounds_ms == [[9000.0]] * 3
    assert [count for *_, count in turns_of(tmp_path, "slow")] == [1] * 4


def test_workers_are_asked_to_end(fake, tmp_path):
    interleave({"a": fake("a", "5")}, PACE)
    assert (tmp_path / "a.quit").exists()


def test_a_worker_that_waits_uses_no_processor(fake):
    track = interleave({"a": fake("a", "5"), "b": fake("b", "5")}, PACE)["a"]
    assert track.idle is not None
    assert track.idle < 0.5


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("dies", "It ended with exit code 3: a library said why"),
        ("dies later", "It ended with exit code 4 and printed nothing."),
        ("refuses", "ValueError: no such graph"),
        ("babbles", "It answered 'load' with 'Loading weights: 100%'."),
        ("miscounts", "It was asked for 1 decisions and timed another number."),
    ],
)
def test_a_worker_that_fails_has_its_reason_and_the_others_go_on(fake, mode, reason):
    tracks = interleave({"bad": fake("bad", mode), "good": fake("good", "5")}, PACE)
    assert tracks["bad"].failed == reason
    assert not tracks["good"].failed
    assert len(tracks["good"].rounds_ms) == PACE.rounds


def test_a_worker_that_hangs_is_ended_and_listed(fake):
    pace = Pace(rounds=1, turn_s=0.01, load_s=30.0, answer_s=0.5)
    tracks = interleave({"bad": fake("bad", "hangs"), "good": fake("good", "5")}, pace)
    assert tracks["bad"].failed == "It did not answer 'run 1' within 0 s."
    assert not tracks["good"].failed


def test_an_interpreter_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WorkerError, match=r"Cannot start /no/python: No such file"):
        Worker(["/no/python"], tmp_path / "log")


def test_what_cannot_even_be_started_is_listed(fake):
    def refuse() -> Worker:
        raise WorkerError("pip cannot fill it.")

    tracks = interleave({"bad": refuse, "good": fake("good", "5")}, PACE)
    assert tracks["bad"].failed == "pip cannot fill it."
    assert not tracks["good"].failed
