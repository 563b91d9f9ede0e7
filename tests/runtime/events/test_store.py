"""The store of events: rows that survive, questions that get right answers, older tables."""

import sqlite3
import threading

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.events import schema
from stzsar.runtime.events.filters import EventFilter
from stzsar.runtime.events.folder import EventFolder
from stzsar.runtime.events.record import MOST_SCORES, StoredEvent, add_score
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.results import Verdict


def event(id_: int, **changes) -> StoredEvent:
    values = {
        "id": id_, "source": "hall", "address": "rtsp://hall.example/stream", "label": "archery",
        "start_s": 1.0, "end_s": 2.0, "time": 1_800_000_000.0 + id_, "recorded": 1_800_000_100.0,
        "peak": 0.9, "bundle": "ab" * 32,
    }  # fmt: skip
    return StoredEvent(**(values | changes))


@pytest.fixture
def store(tmp_path):
    with EventStore(tmp_path / "events.sqlite", create=True) as store:
        yield store


def test_an_event_comes_back_as_it_was(store):
    one = event(3, scores=((0.0, 0.5), (0.25, 0.75)), label="böse\n'--")
    store.begin(one)
    store.begin(one)  # a second attempt after a full disk

    assert store.find() == [one]
    assert store.get(3) == one
    assert store.get(4) is None


def test_what_an_event_becomes_is_stored(store):
    store.begin(event(1))
    store.follow(event(1, end_s=9.0, peak=0.99, state="ended", scores=((1.0, 0.5),)))
    store.set_file(1, "clip", "clips/d/000001-a.mp4", 10)
    store.set_left_out(1, 7)

    found = store.get(1)
    assert found
    assert (found.end_s, found.peak, found.state, found.left_out) == (9.0, 0.99, "ended", 7)
    assert found.clip == "clips/d/000001-a.mp4"
    assert store.bytes_of("clip") == 10


def test_a_number_is_never_used_again(store):
    store.begin(event(5))
    store.delete([5])
    assert store.next_id() == 6


def test_filters_choose(store):
    store.begin(event(1, source="door", label="waving", peak=0.4))
    store.begin(event(2))
    store.begin(event(3, time=None, recorded=1_800_009_000.0))
    store.keep([2], kept=True)

    def ids(**conditions):
        return [one.id for one in store.find(EventFilter(**conditions))]

    assert ids() == [1, 2, 3]
    assert ids(streams=("door", "gate")) == [1]
    assert ids(labels=("archery",)) == [2, 3]
    assert ids(since=1_800_000_002.0) == [2, 3]
    assert ids(until=1_800_000_002.0) == [1]
    assert ids(min_peak=0.5) == [2, 3]
    assert ids(kept=True) == [2]
    assert ids(limit=2) == [2, 3]
    assert ids(labels=("x' OR 1 --",)) == []


def test_an_event_that_lasts_for_days_keeps_its_row_small():
    scores: list[tuple[float, float]] = []
    for second in range(100_000):
        add_score(scores, float(second), 0.5)
    assert len(scores) <= MOST_SCORES
    assert scores[0] == (0.0, 0.5)
    assert scores[-1] == (99_999.0, 0.5)
    assert [s for s, _ in scores] == sorted(s for s, _ in scores)


def test_readers_and_a_second_writer_do_not_disturb_the_one_that_writes(store, tmp_path):
    failures = []

    def disturb():
        try:
            with EventStore(tmp_path / "events.sqlite") as other:
                for _ in range(20):
                    other.find()
                    other.keep([1], kept=True)
        except Exception as error:  # shown below
            failures.append(error)

    store.begin(event(1))
    thread = threading.Thread(target=disturb)
    thread.start()
    for id_ in range(2, 40):
        store.begin(event(id_))
    thread.join()

    assert not failures
    assert len(store.find()) == 39
    assert store.get(1).kept


def test_an_older_store_is_brought_up_to_date_and_a_newer_one_refused(tmp_path, monkeypatch):
    path = tmp_path / "events.sqlite"
    with EventStore(path, create=True) as store:
        store.begin(event(1))

    step = "ALTER TABLE event ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
    with EventStore(path, create=True) as store:
        assert store.get(1) == event(1)
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT colour FROM event").fetchall() == [("red",)]
    monkeypatch.undo()

    with pytest.raises(StzsarError, match="written by a newer stzsar"):
        EventStore(path, create=True)


def test_a_step_that_fails_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "events.sqlite"
    EventStore(path, create=True).close()
    broken = "CREATE TABLE more (id INTEGER); SELECT * FROM nowhere"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken))
    with pytest.raises(StzsarError, match="cannot be used"):
        EventStore(path, create=True)
    monkeypatch.undo()

    with EventStore(path, create=True) as store:
        assert store.find() == []


@pytest.mark.parametrize("content", [b"", b"not a database at all, not at all, not at all"])
def test_a_file_that_is_no_store_is_refused_in_a_sentence(tmp_path, content):
    (tmp_path / "events.sqlite").write_bytes(content)
    with pytest.raises(StzsarError, match="cannot be used"):
        EventStore(tmp_path / "events.sqlite")


def test_a_second_run_in_the_same_folder_is_refused_until_the_first_has_ended(tmp_path):
    lock = EventFolder(tmp_path).lock()
    with pytest.raises(StzsarError, match="Another run writes its events into"):
        EventFolder(tmp_path).lock()
    lock.close()
    EventFolder(tmp_path).lock().close()


def test_a_file_that_a_kill_left_unnamed_is_found_and_what_belongs_to_nobody_goes(store, tmp_path):
    folder = EventFolder(tmp_path)
    for id_ in (1, 2):
        store.begin(event(id_, state="ended"))
    store.set_file(2, "still", "stills/gone/000002-hall-archery.jpg", 9)
    whole = folder.write(event(1), "clip", b"clip")[0]
    of_nobody = [
        folder.write(event(9), "still", b"x")[0],
        folder.begin_clip(event(2)).relative_to(tmp_path).as_posix(),
    ]
    (tmp_path / of_nobody[1]).write_bytes(b"half")

    assert folder.reconcile(store) == 2

    assert store.get(1).clip == whole
    assert store.bytes_of("clip") == 4
    assert store.get(2).still is None
    assert not any((tmp_path / name).exists() for name in of_nobody)


def test_a_row_from_a_stranger_removes_nothing_outside_its_folder(store, tmp_path):
    victim = tmp_path / "victim.jpg"
    victim.write_bytes(b"mine")
    for name in ("../victim.jpg", "victim.jpg", "stills/../../victim.jpg", str(victim)):
        EventFolder(tmp_path / "events").remove(name)
    assert victim.exists()


def test_the_answer_of_a_second_look_is_stored_and_asked_for(store):
    for id_ in (1, 2, 3):
        store.begin(event(id_))
    store.set_verdict(2, Verdict("no", "ViT-L-14", 0.12, "it sees a broom"))
    found = store.get(2)
    assert (found.verdict, found.verified_by, found.verified_score, found.said) == (
        "no", "ViT-L-14", 0.12, "it sees a broom"
    )  # fmt: skip
    assert [one.id for one in store.find(EventFilter(verdict="no"))] == [2]
