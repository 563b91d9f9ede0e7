"""The governor against machines of known speed, second by second."""

import itertools

import pytest

from stzsar.runtime.streams.governor import Governor


class Machine:
    """Streams that ask, and a machine that needs `once_s` a batch and `each_s` a frame."""

    def __init__(self, *, each_s: float, once_s: float = 0.0, streams: int = 8, fps: float = 4.0):
        self.each_s, self.once_s, self.streams, self.fps = each_s, once_s, streams, fps
        self.now_s, self.governor = 0.0, Governor(0.0)
        self.due, self.shares = 0.0, list[float]()

    def run(self, seconds: float) -> float:
        """Return the frames a second that were done."""
        end_s, begin_s, done, waiting = self.now_s + seconds, self.now_s, 0, 0.0
        while self.now_s < end_s:
            asked_fps = self.streams * self.fps
            batch = int(min(waiting, self.streams))  # of each stream only the newest frame waits
            busy_s = self.once_s + self.each_s * batch if batch else 0.01
            if batch:
                self.governor.observe(batch, busy_s)
            self.now_s += busy_s
            done += batch
            came = asked_fps * self.governor.share * busy_s
            self.due += came
            waiting = min(waiting - batch + came, self.streams)
            self.governor.adjust(asked_fps, int(self.due), self.now_s)
            self.shares.append(self.governor.share)
        return done / (self.now_s - begin_s)


def test_a_machine_that_is_fast_enough_changes_nothing():
    machine = Machine(each_s=0.01)
    machine.run(60)

    assert set(machine.shares) == {1}


def test_a_machine_that_is_too_slow_gives_what_it_can():
    machine = Machine(each_s=0.1)
    machine.run(60)

    assert machine.run(60) == pytest.approx(8.5, rel=0.25)
    assert 0.15 < machine.governor.share < 0.5


def test_cheap_batches_are_not_mistaken_for_slowness():
    """57 frames a second in batches of eight, 12 where they come by ones: 32 are asked for."""
    machine = Machine(once_s=0.1, each_s=0.005)
    machine.run(60)

    assert machine.run(60) > 25


def test_the_share_does_not_swing():
    machine = Machine(each_s=0.1)
    machine.run(60)
    machine.shares.clear()
    machine.run(120)

    changes = sum(a != b for a, b in itertools.pairwise(machine.shares))
    assert changes <= 16  # of 60 periods


def test_one_hiccup_changes_nothing():
    machine = Machine(each_s=0.01)
    machine.run(20)
    machine.governor.observe(1, 3.0)
    machine.now_s += 3.0
    machine.run(20)

    assert set(machine.shares) == {1}


def test_a_slow_start_changes_nothing():
    machine = Machine(each_s=0.01)
    machine.governor.observe(8, 1.9)
    machine.now_s = 1.9
    machine.run(20)

    assert set(machine.shares) == {1}


def test_all_of_the_rate_comes_back_when_the_machine_has_time_again():
    machine = Machine(each_s=0.1)
    machine.run(60)
    machine.each_s = 0.005
    machine.run(60)

    assert machine.governor.share == 1


def test_all_of_the_rate_comes_back_when_streams_go():
    machine = Machine(each_s=0.1)
    machine.run(60)
    machine.streams = 1
    machine.run(60)

    assert machine.governor.share == 1


def test_no_stream_means_no_restriction():
    machine = Machine(each_s=0.1)
    machine.run(60)

    assert machine.governor.adjust(0, int(machine.due), machine.now_s + 10)
    assert machine.governor.share == 1
