"""A second look holds events back, and nothing else; what becomes of them by its answer."""

import threading
import time

import numpy as np
import pytest

from stzsar.runtime.events.keeper import EventKeeper
from stzsar.runtime.events.options import ClipPlan
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.results import ActionEvent, Recognition, Score, Verdict
from stzsar.runtime.sinks.sink import Sink
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.verify.second_look import MAX_WAITING, SecondLook, Watched


class Told(Sink):
    """What the sinks behind the second look hear."""

    name = "told"

    def __init__(self):
        self.messages = []

    def put(self, message):
        self.messages.append(message)

    def close(self, timeout_s): ...

    @property
    def events(self):
        return [
            (one.event, one.label, one.verdict and one.verdict.answer)
            for one in self.messages
            if isinstance(one, ActionEvent)
        ]


class Asked:
    """A judge that answers when it is let."""

    name = "asked"
    back_s = (0.5, 0.0)

    def __init__(self):
        self.answers = {}
        self.let = threading.Event()
        self.questions = []

    def judge(self, question):
        self.questions.append(question)
        self.let.wait(20)
        answer = self.answers.get(question.label, "yes")
        if answer == "broken":
            raise ValueError("a mistake of ours")
        return Verdict(answer, self.name, score=0.5, said=f"about {question.label}")


class Run:
    """Drives a second look as a run does."""

    def __init__(self, folder, judge, *, labels=(), timeout_s=20.0):
        self.folder, self.judge, self.told = folder, judge, Told()
        self.now_s = 0.0
        self.clock_s = 0.0
        keeper = EventKeeper(
            folder,
            addresses={"hall": "0"},
            bundle="b",
            plan=ClipPlan(before_s=1.0, after_s=0.5, late_s=1.0),
        )
        watched = {"hall": Watched(judge=judge, threshold=0.5, labels=frozenset(labels))}
        self.look = SecondLook(
            keeper, self.told, watched, timeout_s=timeout_s, clock=lambda: self.clock_s
        )
        self.keeper = keeper

    def show(self, seconds=1.0):
        for _ in range(round(10 * seconds)):
            self.now_s += 0.1
            image = np.full((8, 8, 3), round(10 * self.now_s), np.uint8)
            self.keeper.take("hall", Frame(image, self.now_s, 0), live=True)

    def result(self):
        found = Recognition("hall", self.now_s - 1, self.now_s, 4, (Score("waving", 0.9, 0.3),))
        self.look.put(found)

    def start(self, label="waving", *, time=1e9):
        self.look.put(ActionEvent("start", "hall", label, self.now_s - 0.5, time, 0.9, 0.5))

    def end(self, label="waving"):
        self.look.put(ActionEvent("end", "hall", label, self.now_s, 1e9, 0.9, 1.0))

    def until_told(self, count):
        deadline = time.monotonic() + 10
        while len(self.told.events) < count and time.monotonic() < deadline:
            self.look.tick()
            time.sleep(0.01)
        return self.told.events

    def stored(self):
        with EventStore(self.folder / "events.sqlite") as store:
            return store.find()


@pytest.fixture
def judge():
    made = Asked()
    yield made
    made.let.set()


@pytest.fixture
def start_run(tmp_path, judge):
    runs = []

    def start(**more):
        runs.append(Run(tmp_path / "events", judge, **more))
        runs[-1].show(2.0)
        return runs[-1]

    yield start
    for run in runs:
        run.look.close(2)


def test_an_event_is_told_once_somebody_has_looked_and_results_do_not_wait(start_run, judge):
    run = start_run()
    run.start()
    run.result()
    run.show()
    run.end()
    run.result()

    assert run.told.events == []
    assert len(run.told.messages) == 2
    judge.let.set()
    assert run.until_told(2) == [("start", "waving", "yes"), ("end", "waving", "yes")]
    run.look.close(5)
    (row,) = run.stored()
    assert (row.verdict, row.verified_by, row.verified_score) == ("yes", "asked", 0.5)
    assert row.said == "about waving"
    assert row.state == "ended"


def test_the_pictures_are_those_of_the_event(start_run, judge):
    run = start_run()
    judge.let.set()
    run.start()
    run.until_told(1)
    (question,) = judge.questions
    greys = [round(float(image.mean())) for image in question.images()]
    assert greys == pytest.approx([15, 20], abs=2)  # half a second back, and the end of the window
    assert [one.time_s for one in question.pictures] == pytest.approx([1.5, 2.0])


def test_a_no_is_told_nobody_and_stays_in_the_store(start_run, judge):
    judge.answers["waving"] = "no"
    judge.let.set()
    run = start_run()
    run.start()
    run.show()
    run.end()
    run.start("bowing")
    assert run.until_told(1) == [("start", "bowing", "yes")]
    run.show()
    run.end("bowing")
    run.look.close(5)

    assert run.told.events == [("start", "bowing", "yes"), ("end", "bowing", "yes")]
    assert [(row.label, row.verdict) for row in run.stored()] == [
        ("waving", "no"),
        ("bowing", "yes"),
    ]


def test_an_event_that_waits_too_long_is_told_unverified(start_run, judge):
    run = start_run(timeout_s=5.0)
    run.start()
    run.clock_s = 4.9
    run.look.tick()
    assert run.told.events == []
    run.clock_s = 5.1
    run.look.tick()
    assert run.told.events == [("start", "waving", "unverified")]
    judge.let.set()  # too late
    run.end()
    assert run.until_told(2)[1] == ("end", "waving", "unverified")
    run.look.close(5)
    (row,) = run.stored()
    assert (row.verdict, row.said) == ("unverified", "no answer in 5 s")


def test_a_judge_that_breaks_tells_unverified_and_works_on(start_run, judge):
    judge.answers["waving"] = "broken"
    judge.let.set()
    run = start_run(timeout_s=5.0)
    run.start()
    run.clock_s = 6.0
    run.until_told(1)
    run.end()
    run.start("bowing")
    run.until_told(3)
    assert run.told.events == [
        ("start", "waving", "unverified"),
        ("end", "waving", "unverified"),
        ("start", "bowing", "yes"),
    ]  # fmt: skip


def test_events_are_told_in_their_order(start_run, judge):
    run = start_run(labels=["waving"])
    for label in ("waving", "bowing", "waving"):
        run.start(label)
        run.show(0.3)
        run.end(label)
    assert run.told.events == []
    judge.let.set()
    run.until_told(6)
    assert [one[:2] for one in run.told.events] == [
        (event, label) for label in ("waving", "bowing", "waving") for event in ("start", "end")
    ]
    assert [one[2] for one in run.told.events] == ["yes", "yes", None, None, "yes", "yes"]


def test_other_labels_are_told_at_once(start_run):
    run = start_run(labels=["waving"])
    run.start("bowing")
    run.end("bowing")
    assert run.told.events == [("start", "bowing", None), ("end", "bowing", None)]


def test_the_end_of_a_run_tells_what_nobody_has_judged(start_run):
    run = start_run()
    run.start()
    run.end()
    run.look.close(0.5)
    assert [one[2] for one in run.told.events] == ["unverified", "unverified"]
    (row,) = run.stored()
    assert row.said == "the run ended"


def test_more_events_than_anybody_can_judge_need_no_more_memory(start_run, judge):
    run = start_run(timeout_s=5.0)
    for number in range(3 * MAX_WAITING):
        run.start(f"label {number}")
        run.end(f"label {number}")
    (queue,) = run.look._queues.values()
    assert queue.waiting <= MAX_WAITING
    run.clock_s = 6.0
    run.look.tick()
    assert len(run.told.events) == 6 * MAX_WAITING
    assert {one[2] for one in run.told.events} == {"unverified"}


def test_a_file_waits_for_its_events(start_run, judge):
    threading.Timer(0.3, judge.let.set).start()
    run = start_run()
    run.start(time=None)
    assert run.told.events == [("start", "waving", "yes")]
