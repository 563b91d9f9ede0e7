import logging
import threading
import time

import pytest

from stzsar.runtime.backoff import Backoff
from stzsar.runtime.errors import StzsarError
from stzsar.runtime.results import Overload
from stzsar.runtime.sinks.queued import (
    Patience,
    Queued,
    SinkCounters,
    TryAgainError,
    UndeliverableError,
)
from stzsar.runtime.sinks.sink import Fanout, Sink

QUICK = Backoff(attempts=3, first_s=0.001, longest_s=0.002)


class Scripted:
    """Delivers into a list; what `script` holds for the next attempts is raised instead."""

    name = "scripted"

    def __init__(self, *script):
        self.script = list(script)
        self.got = []
        self.finished = 0
        self.open = threading.Event()
        self.open.set()

    def deliver(self, item, _patience):
        self.open.wait()
        if self.script and (error := self.script.pop(0)):
            raise error
        self.got.append(item)

    def finish(self, _patience):
        self.finished += 1


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def said(caplog):
    return [record.getMessage() for record in caplog.records]


def test_everything_arrives_in_order_and_is_flushed_at_the_end():
    target = Scripted()
    queue = Queued(target)

    for item in range(500):
        queue.offer(item, precious=item % 7 == 0)
    queue.close(30)

    assert target.got == list(range(500))
    assert queue.counters == SinkCounters(delivered=500)
    assert target.finished == 1


def test_a_full_queue_drops_the_oldest_and_results_before_events(caplog):
    target = Scripted()
    target.open.clear()
    queue = Queued(target, max_items=4)
    queue.offer("in work")
    until(lambda: queue.waiting == 0)

    for number in range(3):
        queue.offer(f"event {number}", precious=True)
        queue.offer(f"result {number}")
    queue.offer("event 3", precious=True)
    queue.offer("event 4", precious=True)
    queue.offer("result 3")
    target.open.set()
    queue.close(30)

    assert target.got == ["in work", *(f"event {number}" for number in range(1, 5))]
    assert queue.counters == SinkCounters(delivered=5, dropped=5)
    assert said(caplog) == [
        "scripted: too slow, so the oldest messages are dropped.",
        "scripted: 5 delivered, 5 dropped, 0 failed.",
    ]


def test_what_waits_is_bounded_in_bytes_too():
    target = Scripted()
    target.open.clear()
    queue = Queued(target, max_bytes=100)
    queue.offer("in work", size_bytes=1000)
    until(lambda: queue.waiting == 0)

    for number in range(50):
        queue.offer(number, size_bytes=30)
    assert queue.waiting == 3
    queue.offer("huge", size_bytes=1000)
    assert queue.waiting == 1
    target.open.set()
    queue.close(30)

    assert target.got == ["in work", "huge"]


def test_going_dead_and_coming_back_are_one_warning_each(caplog):
    away = [TryAgainError("nobody is there", away=True) for _ in range(9)]
    target = Scripted(*away)
    queue = Queued(target, backoff=QUICK)

    for item in range(20):
        queue.offer(item)
    until(lambda: len(target.got) == 20)
    queue.close(30)

    assert target.got == list(range(20))
    assert said(caplog) == ["scripted: nobody is there; the run goes on.", "scripted: works again."]


def test_one_hiccup_is_not_worth_a_line(caplog):
    target = Scripted(TryAgainError("503"))
    queue = Queued(target, backoff=QUICK)

    queue.offer(1)
    queue.close(30)

    assert target.got == [1]
    assert said(caplog) == []


def test_an_item_that_is_refused_again_and_again_makes_way_for_the_next(caplog):
    target = Scripted(*[TryAgainError("500")] * 3, UndeliverableError("400"))
    queue = Queued(target, backoff=QUICK)

    for item in range(3):
        queue.offer(item)
    until(lambda: target.got)
    queue.close(30)

    assert target.got == [2]
    assert queue.counters == SinkCounters(delivered=1, failed=2)


def test_a_mistake_of_ours_is_said_and_does_not_end_the_run(caplog):
    target = Scripted(ZeroDivisionError("oh"))
    queue = Queued(target)

    queue.offer(1)
    queue.offer(2)
    queue.close(30)

    assert target.got == [2]
    assert queue.counters == SinkCounters(delivered=1, failed=1)
    assert "scripted: ZeroDivisionError: oh; the run goes on." in said(caplog)


@pytest.mark.parametrize("when", ["at the next item", "at the end"])
def test_a_fatal_error_reaches_the_run_once(when):
    target = Scripted(StzsarError("full"))
    queue = Queued(target, fatal=(StzsarError,))
    queue.offer(1)
    until(lambda: target.finished)

    if when == "at the next item":
        with pytest.raises(StzsarError, match="full"):
            queue.offer(2)
        queue.offer(3)
        queue.close(30)
    else:
        with pytest.raises(StzsarError, match="full"):
            queue.close(30)
        queue.close(30)
    assert target.got == []


def test_closing_in_the_middle_of_a_long_wait_tries_once_more_and_ends(caplog):
    target = Scripted(TryAgainError("later", after_s=3600))
    queue = Queued(target, backoff=Backoff(longest_asked_s=3600))
    queue.offer(1)
    until(lambda: not target.script)

    queue.close(30)

    assert target.got == [1]


def test_closing_gives_up_on_what_hangs_and_counts_it(caplog):
    target = Scripted()
    target.open.clear()
    queue = Queued(target)
    for item in range(5):
        queue.offer(item)
    until(lambda: queue.waiting == 4)

    queue.close(0.05)
    queue.offer(6)

    assert queue.counters == SinkCounters(dropped=6)
    target.open.set()
    until(lambda: target.finished)
    assert queue.counters == SinkCounters(dropped=6)


def test_closing_gives_up_on_what_stays_dead():
    target = Scripted(*[TryAgainError("away", away=True)] * 10_000)
    queue = Queued(target, backoff=QUICK)
    for item in range(5):
        queue.offer(item)

    queue.close(0.3)

    assert queue.counters == SinkCounters(dropped=5)


def test_an_outage_that_comes_and_goes_is_said_once_a_minute(caplog):
    target = Scripted(*[TryAgainError("away"), TryAgainError("away"), None] * 5)
    queue = Queued(target, backoff=QUICK)

    for item in range(5):
        queue.offer(item)
        until(lambda item=item: len(target.got) == item + 1)
    queue.close(30)

    assert said(caplog) == ["scripted: away; the run goes on.", "scripted: works again."]


def test_a_log_that_fails_stops_nothing(monkeypatch):
    def broken(*_arguments):
        raise BrokenPipeError

    monkeypatch.setattr(logging.getLogger("stzsar.runtime.sinks.queued"), "warning", broken)
    away = [TryAgainError("away", away=True)] * 5
    target = Scripted(*away, UndeliverableError("400"), ZeroDivisionError("oh"))
    queue = Queued(target, backoff=QUICK, max_items=5)

    for item in range(20):
        queue.offer(item)
    until(lambda: target.got and target.got[-1] == 19)
    queue.close(30)

    assert queue.counters.delivered == len(target.got)
    assert target.finished == 1


def test_a_report_from_elsewhere_counts_as_going_dead_and_back(caplog):
    target = Scripted()
    queue = Queued(target)

    queue.report("the broker is away")
    queue.report("the broker is away")
    queue.report(None)
    queue.close(30)

    assert said(caplog) == [
        "scripted: the broker is away; the run goes on.",
        "scripted: works again.",
    ]


class Slow(Sink):
    def __init__(self, name, hangs=False, error=None):
        self.name, self.error, self.closed = name, error, False
        self.hangs = threading.Event()
        if not hangs:
            self.hangs.set()

    def put(self, message): ...

    def close(self, timeout_s):
        self.hangs.wait()
        self.closed = True
        if self.error:
            raise self.error


def test_a_sink_that_hangs_takes_no_time_from_the_others_when_all_are_closed(caplog):
    hanging, good = Slow("hanging", hangs=True), Slow("good")
    bad, worse = (Slow(name, error=StzsarError(name)) for name in ("bad", "worse"))

    with pytest.raises(StzsarError, match="bad"):
        Fanout([hanging, bad, worse, good]).close(0.1)

    assert good.closed
    assert said(caplog) == ["hanging could not be closed in 0.1 s.", "worse"]
    hanging.hangs.set()


def test_a_run_without_sinks_closes_too():
    sinks = Fanout([])
    sinks.put(Overload(1.0, 0.0))
    sinks.close(1)

    assert not sinks.wants_frames


def test_patience_is_endless_until_the_run_closes():
    changed = threading.Condition()
    patience = Patience(changed)
    assert (patience.limit_s(5), patience.closing, patience.over) == (5, False, False)

    with changed:
        patience.end_at(time.monotonic() - 1)

    assert (patience.limit_s(5), patience.closing, patience.over) == (0, True, True)
    assert not patience.wait(60)


@pytest.fixture(autouse=True)
def _warnings(caplog):
    caplog.set_level(logging.WARNING, logger="stzsar")
