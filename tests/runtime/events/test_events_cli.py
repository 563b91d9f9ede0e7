"""stzsar-events: what it prints, writes and changes."""

import csv
import io
import json
import sys
import time

import pytest
from click.testing import CliRunner

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.events.cli import main
from stzsar.runtime.events.folder import EventFolder
from stzsar.runtime.events.moments import parse_moment
from stzsar.runtime.events.record import PARTS, EventState, StoredEvent
from stzsar.runtime.events.store import EventStore

NOW = time.time()


@pytest.fixture
def folder(tmp_path):
    """Three events: two of archery in the hall, one of waving at the door, which goes on."""
    folder = EventFolder(tmp_path / "events")
    folder.path.mkdir()
    rows: list[tuple[int, str, str, float, EventState]] = [
        (1, "hall", "archery", 90_000.0, "ended"),
        (2, "hall", "archery", 600.0, "cut"),
        (3, "door", "waving, twice", 60.0, "open"),
    ]
    with EventStore(folder.database, create=True) as store:
        for id_, source, label, ago_s, state in rows:
            event = StoredEvent(
                id=id_, source=source, address="0", label=label, start_s=1.0, end_s=3.5,
                time=NOW - ago_s, recorded=NOW, peak=0.3 * id_, bundle="ab", state=state,
                scores=((0.0, 0.25), (0.5, 0.5)),
            )  # fmt: skip
            store.begin(event)
            for part in PARTS:
                store.set_file(id_, part, *folder.write(event, part, b"12345"))
    return folder


def run(*arguments):
    result = CliRunner(env={"COLUMNS": "160"}).invoke(main, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def ids(folder, *filters):
    rows = csv.DictReader(io.StringIO(run("export", folder.path, *filters)))
    return [int(row["id"]) for row in rows]


def test_a_list_shows_the_newest_and_what_they_are(folder):
    out = run("list", folder.path, "--limit", 2)
    assert "waving, twice" in out
    assert "2.5 cut" in out
    assert "2.5 so far" in out
    assert out.count("archery") == 1


def test_filters_choose_events(folder):
    assert ids(folder) == [1, 2, 3]
    assert ids(folder, "--label", "archery") == [1, 2]
    assert ids(folder, "--stream", "door", "--stream", "hall", "--min-peak", 0.5) == [2, 3]
    assert ids(folder, "--since", "2h") == [2, 3]
    assert ids(folder, "--until", "1d") == [1]
    day = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(NOW - 300))
    assert ids(folder, "--since", day) == [3]
    assert "archery" not in run("list", folder.path, "--label", "archry")


def test_one_event_shows_everything(folder):
    out = run("show", folder.path, 2)
    for part in ("archery", "hall", "cut off when its run was killed", "+0.5s:0.50", "000002-"):
        assert part in out


def test_exports_say_the_same(folder, tmp_path):
    rows = json.loads(run("export", folder.path, "--format", "json"))
    assert rows[2]["label"] == "waving, twice"
    assert rows[2]["duration_s"] == 2.5
    assert rows[2]["scores"] == [[0.0, 0.25], [0.5, 0.5]]

    run("export", folder.path, "--output", tmp_path / "a.csv")
    table = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [row["label"] for row in table] == [row["label"] for row in rows]

    parquet = pytest.importorskip("pyarrow.parquet")
    run("export", folder.path, "--output", tmp_path / "a.parquet")
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == rows
    # A table without rows has the same columns.
    run("export", folder.path, "--label", "none", "--output", tmp_path / "b.parquet")
    empty, full = (parquet.read_table(tmp_path / name) for name in ("b.parquet", "a.parquet"))
    assert empty.schema == full.schema


def test_counts_are_per_label_hour_and_stream_and_can_be_drawn(folder, tmp_path):
    out = run("count", folder.path)
    numbers = {
        cells[0].strip(): int(cells[1])
        for line in out.splitlines()
        if len(cells := line.strip("│").split("│")) == 2
    }
    assert numbers["archery"] == numbers["hall"] == 2
    assert numbers["waving, twice"] == numbers["door"] == 1
    assert sum(number for name, number in numbers.items() if name.isdecimal()) == 3

    pytest.importorskip("matplotlib")
    picture = tmp_path / "new" / "counts.png"
    run("count", folder.path, "--plot", picture)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_favourites_and_deleted_events(folder):
    run("keep", folder.path, 1, 2)
    assert ids(folder, "--kept") == [1, 2]
    run("keep", folder.path, 1, "--undo")
    assert ids(folder, "--kept") == [2]

    run("delete", folder.path, 1, 2)
    assert ids(folder) == [3]
    assert len([path for path in folder.path.glob("*/*/*") if path.is_file()]) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", 9), "has no event 9"),
        (("delete", 3), "has not ended yet"),
        (("delete", 1, 9), "has no event 9"),
        (("list", "--since", "yesterday"), "--since takes a day"),
        (("export", "--output", "events.xls"), "names no format"),
        (("export", "--format", "parquet"), "Parquet is no text"),
        (("count", "--plot", "counts.jpg"), "ends in .png"),
    ],
)
def test_mistakes_are_one_sentence(folder, assert_refused, arguments, sentence):
    word, *rest = map(str, arguments)
    assert_refused(CliRunner().invoke(main, [word, str(folder.path), *rest]), sentence)
    assert ids(folder) == [1, 2, 3]


def test_a_folder_without_events_and_a_broken_store_are_one_sentence(assert_refused, tmp_path):
    assert_refused(CliRunner().invoke(main, ["list", str(tmp_path)]), "holds no events")
    (tmp_path / "events.sqlite").write_bytes(b"no database" * 99)
    assert_refused(CliRunner().invoke(main, ["list", str(tmp_path)]), "cannot be used")


def test_without_pyarrow_and_matplotlib_it_says_what_to_install(
    folder, assert_refused, monkeypatch, tmp_path
):
    for name in ("pyarrow", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    for word, option, file in (("export", "--output", "a.parquet"), ("count", "--plot", "a.png")):
        result = CliRunner().invoke(main, [word, str(folder.path), option, str(tmp_path / file)])
        assert_refused(result, "pip install '.[events]'")


def test_a_time_ago_is_counted_from_now():
    assert parse_moment("--since", "2h", now=10_000.0) == 10_000.0 - 7200.0
    assert parse_moment("--since", "1.5d", now=200_000.0) == 200_000.0 - 129_600.0
    assert parse_moment("--since", "1970-01-02T00:00:00+00:00") == 86_400.0
    with pytest.raises(StzsarError, match="--since takes"):
        parse_moment("--since", "9999999-01-01")


def test_events_are_found_by_what_people_said_and_by_how_urgent_they_are(folder):
    with EventStore(folder.database) as store:
        store.set_mark(1, "right")
        store.set_mark(2, "wrong")
        urgent = StoredEvent(
            id=4, source="hall", address="0", label="fall", start_s=1.0, end_s=2.0, time=NOW,
            recorded=NOW, peak=0.9, bundle="ab", state="ended", priority="urgent",
        )  # fmt: skip
        store.begin(urgent)
    assert ids(folder, "--mark", "right") == [1]
    assert ids(folder, "--mark", "wrong") == [2]
    assert ids(folder, "--priority", "urgent") == [4]
    assert ids(folder, "--priority", "normal") == [1, 2, 3]
    assert ids(folder, "--priority", "low") == []
    assert "wrong" in run("show", folder.path, 2)
