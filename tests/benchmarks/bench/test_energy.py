"""Energy of a decision, from power that was seen while it was made."""

import threading

import pytest

from stzsar.benchmarks.bench.instruments.instrument import Reading
from stzsar.benchmarks.bench.watch import Watch


class Meter:
    """An instrument whose power the test sets; it fails once it is told to."""

    name, measures = "meter", "the test"

    def __init__(self):
        self.watts, self.broken = 2.0, False

    def read(self):
        if self.broken:
            raise OSError("unplugged")
        return Reading(self.watts, {"temperature_c": 10 * self.watts})

    def state(self):
        return {}

    def close(self): ...


def test_power_is_that_of_what_went_on_and_a_broken_instrument_does_not_end_the_watch():
    meter = Meter()
    watch = Watch([meter])
    with watch.during("idle"):
        watch.sample()
    watch.sample()  # between two steps: it belongs to neither
    meter.watts = 6.0
    with watch.during("streaming"):
        watch.sample()
        watch.sample()
    meter.broken = True
    with watch.during("later"):
        watch.sample()
    assert watch.watts("idle") == {"meter": 2.0}
    assert watch.watts("streaming") == {"meter": 6.0}
    assert watch.largest("streaming") == {"meter": {"temperature_c": 60.0}}
    assert watch.watts("later") == {}
    assert watch.largest_rss_mib("later") == pytest.approx(watch.largest_rss_mib("idle"), rel=0.5)


def test_a_watch_samples_by_itself():
    meter, seen = Meter(), threading.Event()
    meter.read = lambda: (seen.set(), Reading(2.0))[1]
    with Watch([meter]):
        assert seen.wait(60)
