"""Retention: by age and size, favourites stay, whatever the clock and the disk do."""

import contextlib

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.events.folder import EventFolder, free_bytes
from stzsar.runtime.events.record import PARTS, EventState, StoredEvent
from stzsar.runtime.events.retention import Limits, Retention
from stzsar.runtime.events.store import EventStore

NOON = 1_800_000_000.0
DAY_S = 86_400.0


class Shelf:
    """A store with its files, and a clock that the test sets."""

    def __init__(self, path):
        self.now = NOON
        self.folder = EventFolder(path)
        path.mkdir(exist_ok=True)
        self.store = EventStore(self.folder.database, create=True)

    def add(self, id_: int, *, size: int = 1000, state: EventState = "ended") -> None:
        event = StoredEvent(
            id=id_, source="hall", address="0", label="waving", start_s=0, end_s=1,
            time=self.now, recorded=self.now, peak=0.9, bundle="0",
            state=state,
        )  # fmt: skip
        self.store.begin(event)
        for part in PARTS:
            self.store.set_file(id_, part, *self.folder.write(event, part, bytes(size)))

    def sweep(self, *limits: str):
        return Retention(self.store, self.folder, Limits.of(limits), clock=lambda: self.now).sweep()

    def with_a(self, part) -> list[int]:
        """Events whose row and folder agree that there is such a file."""
        named = [one for one in self.store.find() if getattr(one, part)]
        assert all((self.folder.path / getattr(one, part)).is_file() for one in named)
        return [one.id for one in named]

    @property
    def ids(self) -> list[int]:
        return [one.id for one in self.store.find()]

    @property
    def files(self) -> int:
        return sum(path.is_file() for path in self.folder.path.glob("*/*/*"))


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "events")
    yield shelf
    shelf.store.close()


def test_each_kind_has_an_age_of_its_own_and_favourites_have_none(shelf):
    for day in range(1, 11):
        shelf.add(day)
        shelf.now += DAY_S
    shelf.store.keep([1], kept=True)

    shelf.sweep("clips=2d", "stills=4d", "records=6d")

    assert shelf.with_a("clip") == [1, 9, 10]
    assert shelf.with_a("still") == shelf.with_a("annotated") == [1, 7, 8, 9, 10]
    assert shelf.ids == [1, 5, 6, 7, 8, 9, 10]
    assert shelf.files == 3 + 2 + 5 * 2 - 2


def test_each_kind_has_a_size_of_its_own_and_the_oldest_goes_first(shelf):
    for id_ in range(1, 9):
        shelf.add(id_, size=2**18)
    shelf.store.keep([2], kept=True)

    shelf.sweep("clips=1MiB", "stills=1MiB")

    assert shelf.with_a("clip") == [2, 6, 7, 8]
    assert shelf.store.bytes_of("still") + shelf.store.bytes_of("annotated") <= 2**20
    assert 2 in shelf.with_a("still")
    assert shelf.ids == list(range(1, 9))


def test_rows_can_be_limited_by_size_and_their_space_comes_back(shelf):
    for id_ in range(1, 201):
        shelf.store.begin(
            StoredEvent(id=id_, source="s", address="x" * 20_000, label="l", start_s=0, end_s=1,
                        time=None, recorded=NOON, peak=1, bundle="b", state="ended")
        )  # fmt: skip
    before = shelf.store.bytes_of(None)
    assert before > 2**21

    shelf.sweep("records=1MiB")

    assert shelf.store.bytes_of(None) <= 2**20
    assert shelf.ids[-1] == 200
    assert shelf.ids == list(range(shelf.ids[0], 201))


def test_an_event_that_goes_on_is_never_removed(shelf):
    shelf.add(1, state="open")
    shelf.now += 100 * DAY_S
    shelf.sweep("clips=1h", "stills=1h", "records=1h", "clips=1MiB")
    assert shelf.with_a("clip") == shelf.ids == [1]


def test_a_day_of_events_in_fast_time_with_the_clock_set_back_an_hour(shelf):
    happened: dict[int, float] = {}  # by a clock that nobody sets
    for minute in range(24 * 60):
        shelf.now += 60.0
        if minute == 12 * 60:
            shelf.now -= 3600.0
        if minute % 20 == 0:
            happened[len(happened) + 1] = minute / 60
            shelf.add(len(happened))
        if minute % 15:
            continue
        shelf.sweep("clips=3h", "stills=6h", "records=12h")
        for hours, kept in ((3, shelf.with_a("clip")), (6, shelf.with_a("still")), (12, shelf.ids)):
            ages = {id_: minute / 60 - hour for id_, hour in happened.items()}
            assert {id_ for id_, age in ages.items() if age < hours} <= set(kept)
            # Before the step, events have stamps that are an hour ahead of the clock after it.
            assert all(ages[id_] <= hours + 1 for id_ in kept)
    assert len(shelf.with_a("clip")) in (9, 10)
    assert 36 <= len(shelf.ids) <= 39


def test_events_from_before_the_clock_was_set_are_not_taken_for_old(shelf):
    shelf.now = 100.0  # a board without a battery, in 1970
    shelf.add(1)
    shelf.now = NOON
    shelf.add(2)
    shelf.sweep("clips=1d", "stills=1d", "records=1d")
    assert shelf.with_a("clip") == [1, 2]


def fill(path):
    """Write into a file until its disk is full."""
    with contextlib.suppress(OSError), path.open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert free_bytes(path)[0] < 4096


def test_on_a_full_disk_the_oldest_clips_go_and_then_stills_but_no_row(small_disk):
    shelf = Shelf(small_disk / "events")
    for id_ in range(1, 11):
        shelf.add(id_, size=100_000)
    shelf.store.keep([1], kept=True)
    free = 16 * 2**20 - sum(f.stat().st_size for f in small_disk.rglob("*") if f.is_file())
    (small_disk / "others").write_bytes(bytes(free - 300_000))

    removed = shelf.sweep()
    assert removed.for_room == removed.files > 0
    first = shelf.with_a("clip")
    assert first[0] == 1
    assert first[1:] == list(range(first[1], 11))
    assert len(shelf.with_a("still")) == 10

    fill(small_disk / "others")
    Retention(shelf.store, shelf.folder, Limits()).make_room(2 * 2**20)
    assert shelf.with_a("clip") == [1]
    assert len(shelf.with_a("still")) < 10
    assert shelf.ids == list(range(1, 11))
    shelf.store.close()


@pytest.mark.parametrize("text", ["clips", "clips=", "clips=7", "clips=0d", "clip=7d", "clips=-1d"])
def test_a_limit_that_says_nothing_is_refused(text):
    with pytest.raises(StzsarError, match="--keep takes clips="):
        Limits.of([text])


def test_a_limit_given_twice_is_refused():
    with pytest.raises(StzsarError, match="has such a limit already"):
        Limits.of(["clips=1d", "clips=24h"])
    assert Limits.of(["clips=1d", "clips=2GiB"]).size_bytes == {"clips": 2**31}
