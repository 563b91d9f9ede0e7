"""Forgetting, seen in the bytes of the archive's files."""

import pytest

from stzsar.runtime.archive.keeping.forget import forget
from stzsar.runtime.archive.keeping.verify import faults
from stzsar.runtime.archive.keeping.wanted import Wanted
from stzsar.runtime.errors import StzsarError

from .conftest import NOON

SECRET = "kitchen of Ms Secret"


def traces(made, attempt, rows=slice(None)):
    """Return the files that still have an embedding or the still of an attempt."""
    found = [
        path for row in made.embeddings[attempt][rows] for path in made.files_with(row.tobytes())
    ]
    return found + made.files_with(made.stills[attempt])


def test_no_byte_of_a_forgotten_stream_is_left(made):
    secret = made.add(SECRET, rows=6)
    more = made.add(SECRET, 6.0, rows=6)
    made.add("yard", rows=300)
    other = made.add("yard", rows=300)
    assert traces(made, secret)
    assert made.files_with(SECRET.encode())

    done = forget(made.tables, Wanted(streams=(SECRET,)))

    assert (done.frames, done.stretches, done.videos, done.stills) == (12, 2, 1, 2)
    assert not traces(made, secret) + traces(made, more)
    assert not made.files_with(SECRET.encode())
    assert made.files_with(made.embeddings[other][7].tobytes())
    assert list(faults(made.tables)) == []


def test_a_few_rows_of_a_large_file_leave_it_too(made):
    """Lance rewrites a file of its own accord only if a tenth of it is deleted."""
    attempt = made.add("door", rows=900, clock=NOON)
    assert traces(made, attempt, slice(100, 103))
    done = forget(made.tables, Wanted(streams=("door",), since=NOON + 100, until=NOON + 103))
    assert (done.frames, done.stretches, done.shortened) == (3, 0, 1)
    for row in made.embeddings[attempt][100:103]:
        assert not made.files_with(row.tobytes())
    for row in made.embeddings[attempt][[99, 103]]:
        assert made.files_with(row.tobytes())
    [row] = made.tables.rows("stretches")
    assert row["rows"] == 897
    assert list(faults(made.tables)) == []


def test_an_index_keeps_no_copy(made):
    attempt = made.add(SECRET, rows=40)
    other = made.add("yard", rows=400)
    made.tables.dataset("frames").create_index(
        "embedding", "IVF_FLAT", num_partitions=2, metric="cosine"
    )
    forget(made.tables, Wanted(streams=(SECRET,)))
    assert not traces(made, attempt)
    assert not list(made.folder.rglob("_indices/*/*"))
    assert made.files_with(made.embeddings[other][0].tobytes())


def test_what_a_killed_writer_left_is_forgotten_too(made):
    made.add("yard")
    lost = made.add(SECRET, commit=False)
    forget(made.tables, Wanted(streams=(SECRET,)))
    assert not traces(made, lost)
    assert not made.files_with(SECRET.encode())


def test_a_forgetting_that_was_killed_ends_when_it_is_made_again(made, monkeypatch):
    attempt = made.add("door", rows=30, clock=NOON)
    wanted = Wanted(since=NOON + 10)
    tables = made.tables

    class KilledError(Exception):
        pass

    def kill(*_):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(type(tables), "delete", kill)
        with pytest.raises(KilledError):
            forget(tables, wanted)
    assert list(faults(tables))
    done = forget(tables, wanted)
    assert done.frames == 20
    assert list(faults(tables)) == []
    assert not any(made.files_with(row.tobytes()) for row in made.embeddings[attempt][10:])


def test_what_a_kill_left_in_old_versions_goes_when_it_is_made_again(made, monkeypatch):
    made.add("yard")
    attempt = made.add(SECRET)
    tables = made.tables

    class KilledError(Exception):
        pass

    def kill(*_, **__):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(type(tables), "settle", kill)
        with pytest.raises(KilledError):
            forget(tables, Wanted(streams=(SECRET,)))
    assert traces(made, attempt)
    with pytest.raises(StzsarError, match="has no stream"):
        forget(tables, Wanted(streams=(SECRET,)))
    assert not traces(made, attempt)
    assert not made.files_with(SECRET.encode())


def test_a_time_touches_no_file_that_has_no_clock(made):
    made.add("a file.mp4")
    made.add("door", clock=NOON)
    forget(made.tables, Wanted(since=NOON - 1, until=NOON + 100))
    assert [row["stream"] for row in made.tables.rows("stretches")] == ["a file.mp4"]
    assert [row["stream"] for row in made.tables.rows("videos")] == ["a file.mp4"]


def test_a_name_with_a_quote_is_a_name(made):
    made.add("o'hara' OR true --")
    made.add("yard")
    forget(made.tables, Wanted(streams=("o'hara' OR true --",)))
    assert [row["stream"] for row in made.tables.rows("stretches")] == ["yard"]


def test_nothing_wanted_and_an_unknown_stream_are_refused(made):
    made.add("yard")
    with pytest.raises(StzsarError, match="would forget everything"):
        forget(made.tables, Wanted())
    with pytest.raises(StzsarError, match=r"no stream 'cellar': it has 1, among them yard"):
        forget(made.tables, Wanted(streams=("cellar",)))
    with pytest.raises(StzsarError, match="not after --since"):
        Wanted(since=2.0, until=1.0)
    assert made.tables.rows("stretches")
