"""An archive looked at, checked, made small, kept within limits, and exported."""

import json
import shutil
import tarfile

import lance
import numpy as np
import pyarrow.parquet
import pytest

from stzsar.runtime.archive.keeping.compact import compact
from stzsar.runtime.archive.keeping.export import ExportOptions, export
from stzsar.runtime.archive.keeping.inspect import StreamFacts, inspect_archive
from stzsar.runtime.archive.keeping.retention import Retained, RetainOptions, parse_size, retain
from stzsar.runtime.archive.keeping.tables import Tables
from stzsar.runtime.archive.keeping.verify import faults
from stzsar.runtime.archive.keeping.wanted import Wanted
from stzsar.runtime.archive.search.opening import open_tables
from stzsar.runtime.archive.store.archive import Archive
from stzsar.runtime.archive.store.schema import FORMAT
from stzsar.runtime.errors import StzsarError

from .conftest import BUNDLE, DIM, NOON

DAY = 86_400.0


def streams_of(made):
    return [row["stream"] for row in made.tables.rows("stretches")]


def test_what_is_in_an_archive_is_counted(made):
    made.add("yard", rows=11)
    made.add("yard", 11.0, rows=11)
    made.add("door", rows=5, commit=False)
    found = inspect_archive(made.tables)
    assert found.streams == {"yard": StreamFacts(stretches=2, rows=22, hours=20 / 3600)}
    assert found.bundles == {BUNDLE: 22}
    assert found.orphans == 5
    assert (found.rows["frames"], found.rows["stills"], found.videos) == (27, 2, {"whole": 1})
    disk = sum(path.stat().st_size for path in made.folder.rglob("*") if path.is_file())
    assert found.disk_bytes == disk > found.table_bytes["frames"] > 27 * (32 + 64) * 2


def test_a_sound_archive_has_no_faults(made):
    made.add("yard")
    made.add("door", clock=NOON)
    assert list(faults(made.tables)) == []


def test_each_fault_is_a_sentence(made):
    made.add("yard", rows=20)
    made.add("door", rows=20)
    made.add("hall", commit=False)
    frames = made.tables.dataset("frames")
    frames.delete("stream = 'yard' AND frame = 3")
    frames.update({"time_s": "time_s + 1"}, where="stream = 'door' AND frame = 4")
    shutil.rmtree(made.folder / "bundles.lance")
    said = list(faults(made.tables))
    assert len(said) == 4
    assert "of yard (0.0 s to 19.0 s) has 19 of 20 rows" in " ".join(said)
    assert "of door (0.0 s to 19.0 s) has other rows than were written" in " ".join(said)
    assert "20 rows belong to no stretch" in " ".join(said)
    assert f"Bundle {BUNDLE} has stretches" in " ".join(said)


def test_compaction_changes_no_row_and_leaves_a_writer_alone(made):
    for at in range(5):
        made.add("yard", 20.0 * at)
    lost = made.add("hall", commit=False)
    done = compact(made.tables)
    assert done.orphans == 0
    assert made.files_with(made.embeddings[lost][0].tobytes())
    done = compact(made.tables, alone=True)
    assert done.orphans == 20
    assert not made.files_with(made.embeddings[lost][0].tobytes())
    assert len(made.tables.dataset("frames").get_fragments()) == 1
    assert (done.after_bytes or 0) < (done.before_bytes or 0)
    assert list(faults(made.tables)) == []


def test_old_stretches_go_by_the_clock_of_their_pictures_or_by_when_they_were_written(made):
    made.add("old stream", clock=NOON - 9 * DAY, written=NOON)
    made.add("new stream", clock=NOON - 1 * DAY)
    made.add("old file", written=NOON - 8 * DAY)
    made.add("no clock yet", clock=1000.0)
    done = retain(made.tables, RetainOptions(days=7), now=NOON)
    assert done == Retained(stretches=2, frames=40, stills=2)
    assert streams_of(made) == ["new stream", "no clock yet"]
    assert list(faults(made.tables)) == []
    assert retain(made.tables, RetainOptions(days=7), now=NOON) == Retained()


def test_the_oldest_go_until_the_rest_fits(made):
    for at in range(4):
        made.add(f"day {at}", rows=200, clock=NOON + at * DAY)
    size = sum(inspect_archive(made.tables).table_bytes.values())
    done = retain(made.tables, RetainOptions(size_bytes=round(0.6 * size)), now=NOON + 5 * DAY)
    assert done.stretches == 2
    assert streams_of(made) == ["day 2", "day 3"]
    assert sum(inspect_archive(made.tables).table_bytes.values()) <= 0.6 * size


def test_limits_are_read_and_refused():
    assert parse_size("50G") == 50 * 2**30
    assert parse_size("1.5MiB") == 1_572_864
    for text in ("50", "G", "-1G", "5X"):
        with pytest.raises(StzsarError, match="--size takes a size"):
            parse_size(text)
    with pytest.raises(StzsarError, match="Nothing says what to keep"):
        RetainOptions()
    with pytest.raises(StzsarError, match="above 0"):
        RetainOptions(days=0)


def test_parquet_has_the_committed_rows_in_shards(made, tmp_path):
    made.add("yard", clock=NOON)
    made.add("door", clock=NOON)
    made.add("hall", commit=False)
    out = tmp_path / "out"
    done = export(made.tables, ExportOptions(output=out, shard_bytes=1))
    assert sorted(path.name for path in out.iterdir()) == [
        "bundles.parquet", "frames-00000.parquet", "frames-00001.parquet", "stretches.parquet",
        "videos.parquet",
    ]  # fmt: skip
    assert (done.frames, done.files) == (40, 5)
    table = pyarrow.parquet.read_table(out / "frames-00000.parquet")
    values = np.stack(table["embedding"].to_numpy())
    np.testing.assert_array_equal(values, made.embeddings["attempt-0"])


def test_a_webdataset_has_a_sample_for_each_stretch(made, tmp_path):
    made.add("yard", clock=NOON)
    made.add("door", clock=NOON)
    out = tmp_path / "out"
    wanted = Wanted(streams=("door",), since=NOON + 5)
    done = export(made.tables, ExportOptions(output=out, format="webdataset", wanted=wanted))
    assert (done.frames, done.files) == (15, 1)
    with tarfile.open(out / "stretches-000000.tar") as shard:
        names = shard.getnames()
        shard.extractall(tmp_path / "samples", filter="data")
    assert len(names) == len(set(names))
    facts = json.loads((tmp_path / "samples" / "stretch-1.json").read_text("utf-8"))
    values = np.load(tmp_path / "samples" / "stretch-1.embedding.npy")
    assert (facts["stream"], facts["rows"]) == ("door", 15)
    np.testing.assert_array_equal(values, made.embeddings["attempt-1"][5:])


def test_a_full_folder_and_no_archive_are_refused(made, tmp_path):
    with pytest.raises(StzsarError, match="not an empty folder"):
        ExportOptions(output=made.folder)
    with pytest.raises(StzsarError, match="There is no archive in"):
        Tables(str(tmp_path / "nothing"))


def test_an_index_that_lags_behind_is_told(made):
    made.add("yard", rows=300)
    made.tables.dataset("frames").create_index(
        "embedding", "IVF_FLAT", num_partitions=2, metric="cosine"
    )
    made.add("yard", 300.0, rows=7)
    assert inspect_archive(made.tables).indices == {"embedding_idx": 7}


def test_a_newer_format_is_refused_by_all_who_read(made):
    made.add("yard")
    made.put("bundles", [{"bundle": "later", "name": "later", "dim": DIM, "format": FORMAT + 1}])
    for opens in (
        lambda: Tables(str(made.folder)),
        lambda: open_tables(made.folder, {}),
        lambda: Archive(made.folder),
    ):
        with pytest.raises(StzsarError, match=r"has format 2 and this stzsar knows 1: upgrade"):
            opens()


def test_of_a_stretch_that_two_wrote_the_smaller_attempt_counts(made, tmp_path):
    made.add("yard", rows=20)
    made.add("yard", rows=20)
    first, second = made.tables.rows("stretches")
    lance.dataset(str(made.folder / "stretches.lance")).update(
        {"stretch": f"'{first['stretch']}'"}, where=f"attempt = '{second['attempt']}'"
    )
    assert len(made.tables.rows("stretches")) == 2
    found = inspect_archive(made.tables)
    assert (found.bundles, found.orphans) == ({BUNDLE: 20}, 20)
    wins = min(first["attempt"], second["attempt"])
    export(made.tables, ExportOptions(output=tmp_path / "out"))
    rows = pyarrow.parquet.read_table(tmp_path / "out" / "frames-00000.parquet")
    assert set(rows["attempt"].to_pylist()) == {wins}
