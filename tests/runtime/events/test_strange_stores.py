"""Stores that a stranger wrote, that a disk spoilt, or that are no files at all."""

import os
import sqlite3
from pathlib import Path

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.events import schema
from stzsar.runtime.events.folder import EventFolder
from stzsar.runtime.events.keeper import EventKeeper
from stzsar.runtime.events.questions import (
    ChangeOptions,
    FindOptions,
    count,
    delete,
    find,
    get,
    keep,
)
from stzsar.runtime.events.record import StoredEvent
from stzsar.runtime.events.store import EventStore

ANSWERS = (
    lambda folder: find(FindOptions(folder=folder)),
    lambda folder: get(folder, 1),
    lambda folder: keep(ChangeOptions(folder=folder, ids=[1])),
    lambda folder: delete(ChangeOptions(folder=folder, ids=[1])),
)
ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with two events, the first of which has a still."""
    folder = EventFolder(tmp_path / "events")
    folder.lock().close()
    with EventStore(folder.database, create=True) as store:
        for id_ in (1, 2):
            event = StoredEvent(
                id=id_, source="hall", address="rtsp://hall/x", label="archery", start_s=1.0,
                end_s=2.0, time=1.8e9, recorded=1.8e9, peak=0.9, bundle="ab" * 32, state="ended",
            )  # fmt: skip
            store.begin(event)
        store.set_file(1, *("still", *folder.write(store.find()[0], "still", b"jpeg")))
    return folder.path


def change(folder: Path, script: str) -> None:
    database = sqlite3.connect(folder / "events.sqlite")
    database.executescript(script)
    database.close()


def start_a_run(folder: Path) -> None:
    EventKeeper(folder, addresses={"hall": "rtsp://hall/x"}, bundle="ab" * 32).close(5.0)


@pytest.mark.parametrize(
    "values",
    [
        "time = 9e999",
        "recorded = 1e300",
        "time = -1",
        "peak = x'00ff'",
        "peak = 'much'",
        "start_s = 1e308",
        "label = x'ff00'",
        "label = CAST(x'ff00' AS TEXT)",
        f"address = '{'x' * 200_000}'",
        "scores = 'abc'",
        "scores = x'0000c07f0000c07f'",  # not a number
        "scores = zeroblob(900000)",
        "state = 'asleep'",
        "clip = x'00', clip_bytes = 'x'",
        "clip = '/etc/passwd'",
        "clip = 'clips/../events.sqlite'",
        "clip = 'clips/a/000001-a' || char(0)",
        "left_out = 1e30",
        "kept = 'yes'",
    ],
)
def test_a_row_that_lies_is_refused_in_a_sentence_by_questions_and_by_a_run(folder, values):
    change(folder, f"UPDATE event SET {values} WHERE id = 1")

    for use in (*ANSWERS, start_a_run):
        with pytest.raises(StzsarError, match=r"The event store .* cannot be used: ") as refused:
            use(folder)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 500
    assert (folder / "stills").is_dir()


@pytest.mark.parametrize("values", ["label = x'ff00'", "source = x'00'", "time = 1e300"])
def test_counts_of_rows_that_lie_are_refused(folder, values):
    change(folder, f"UPDATE event SET {values} WHERE id = 1")

    with pytest.raises(StzsarError, match="cannot be used"):
        count(FindOptions(folder=folder))


@pytest.mark.parametrize(
    "script",
    [
        # A question that never ends, rows that go when one is asked for, gigabytes of zeros
        f"ALTER TABLE event RENAME TO e; CREATE VIEW event AS {ENDLESS} SELECT e.* FROM e, t",
        "CREATE TRIGGER gone AFTER UPDATE ON event BEGIN DELETE FROM event; END",
        "DROP TABLE event; CREATE TABLE event (id INTEGER PRIMARY KEY, "
        "label TEXT AS (hex(zeroblob(900000000))))",
        "CREATE INDEX wide ON event (hex(zeroblob(10)))",
        "CREATE VIRTUAL TABLE words USING fts5 (a)",
        "PRAGMA user_version = -5",
        "PRAGMA user_version = 1",
        "PRAGMA user_version = 0",
    ],
)
def test_tables_that_are_not_ours_are_refused_before_they_are_asked(folder, script):
    change(folder, script)

    for use in (*ANSWERS, lambda folder: count(FindOptions(folder=folder)), start_a_run):
        with pytest.raises(StzsarError, match="its tables are not those of stzsar"):
            use(folder)


def test_what_sqlite_keeps_for_itself_is_no_strange_table(folder):
    change(folder, "ANALYZE")

    assert len(find(FindOptions(folder=folder))) == 2


def test_a_store_of_the_version_before_is_brought_up_to_date_by_a_question(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:1])
    path = tmp_path / "events.sqlite"
    database = sqlite3.connect(path)
    schema.bring_up_to_date(database, "x", create=True)
    database.executescript(
        "INSERT INTO event (source, address, label, start_s, end_s, recorded, peak, bundle)"
        "VALUES ('hall', '0', 'archery', 1, 2, 1.8e9, 0.9, 'ab')"
    )
    database.close()
    monkeypatch.undo()

    assert [event.region for event in find(FindOptions(folder=tmp_path))] == [None]


def test_a_store_without_numbers_left_is_refused(folder):
    change(folder, "UPDATE sqlite_sequence SET seq = 9223372036854775807")

    with pytest.raises(StzsarError, match="it has no more numbers for events"):
        start_a_run(folder)
    with pytest.raises(StzsarError, match="has no event 99999999999999999999"):
        get(folder, 99999999999999999999)


@pytest.mark.parametrize("part", [slice(100, 4000), slice(4096, 12_000), slice(8192, None)])
def test_a_spoilt_file_is_refused_in_a_sentence(folder, part):
    path = folder / "events.sqlite"
    change(folder, "PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[part] = b"\xa5" * len(content[part])
    path.write_bytes(content)

    with pytest.raises(StzsarError, match="cannot be used: "):
        start_a_run(folder)


@pytest.mark.parametrize("name", ["events.sqlite", ".lock", "clips", "stills"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "file"])
def test_what_is_no_file_or_folder_is_refused_and_waited_for_never(tmp_path, name, kind):
    path = tmp_path / "events" / name
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(name)
    else:
        path.write_bytes(b"no SQLite\n" * 100)
    if (name, kind) in {("clips", "folder"), ("stills", "folder"), (".lock", "file")}:
        start_a_run(path.parent)
        return

    with pytest.raises(StzsarError, match=r"Cannot write events into|cannot be used"):
        start_a_run(path.parent)


def test_nothing_behind_a_link_is_removed_nor_what_is_not_called_as_our_files_are(folder, tmp_path):
    """A folder from a stranger must not make a run remove the files of its user."""
    notes = folder / "stills" / "2026-11-30" / "notes.txt"
    notes.parent.mkdir(exist_ok=True)
    victim = tmp_path / "home" / "day" / "000009-a.jpg"
    victim.parent.mkdir(parents=True)
    for path in (notes, victim):
        path.write_bytes(b"mine")
    (folder / "stills" / "2026-12-01").symlink_to(victim.parent)

    start_a_run(folder)
    EventFolder(folder).remove("stills/2026-12-01/000009-a.jpg")

    (folder / "clips").rmdir()
    (folder / "clips").symlink_to(tmp_path / "home")
    EventFolder(folder).remove("clips/day/000009-a.jpg")
    with pytest.raises(StzsarError, match="clips in it is a link; name another folder"):
        start_a_run(folder)
    assert notes.exists()
    assert victim.exists()
