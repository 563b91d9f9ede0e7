"""What writers of an archive leave in it."""

import subprocess
import sys
from pathlib import Path

import lancedb
import numpy as np
import pytest

from stzsar.runtime.archive.keeping.tables import Tables
from stzsar.runtime.archive.keeping.verify import faults
from stzsar.runtime.archive.store import archive as archives
from stzsar.runtime.archive.store.archive import Archive
from stzsar.runtime.archive.store.columns import columns_of
from stzsar.runtime.archive.store.rows import Rows
from stzsar.runtime.archive.store.schema import Sampling, Stretch
from stzsar.runtime.bundle.bundle import open_default_bundle

_SAMPLING = Sampling(rate_fps=1, stretch_s=600, patches=2)
# A process that writes stretches of its own, and as many that the other one writes too.
_WRITER = """
import runpy, sys
from pathlib import Path
write = runpy.run_path(sys.argv[1])["write"]
write(Path(sys.argv[2]), [name + str(n) for n in range(24) for name in ("both", sys.argv[3])])
"""


def write(place: Path, names: list[str]) -> None:
    """Commit stretches of two frames, and join small files after each fourth one."""
    archives._TIDY_EVERY = 4
    manifest = open_default_bundle().manifest
    archive = Archive(place)
    bundle = archive.use(manifest, _SAMPLING, 4)
    frame = {name: np.ones((3, 4), np.float32) for name in columns_of(manifest)}
    for name in names:
        rows = Rows(manifest, _SAMPLING.patches)
        for number in range(2):
            rows.add(number, frame, float(number), flags=4, rate_fps=1)
        stretch = Stretch(stretch=name, video="v", stream="s", bundle=bundle)
        archive.put(stretch, rows.table(stretch))


def test_many_commits_leave_few_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_TIDY_EVERY", 4)
    write(tmp_path / "a", [str(number) for number in range(40)])
    for name, rows in (("stretches", 40), ("frames", 80)):
        table = lancedb.connect(str(tmp_path / "a")).open_table(name)
        assert table.count_rows() == rows
        assert len(table.to_lance().get_fragments()) <= 4


def test_two_writers_at_once_commit_each_stretch_once(tmp_path: Path) -> None:
    place = tmp_path / "a"
    writers = [
        subprocess.Popen(
            [sys.executable, "-Ic", _WRITER, __file__, str(place), name],
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said
        assert "Compaction" not in said
    stretches = (
        lancedb.connect(str(place)).open_table("stretches").to_arrow()["stretch"].to_pylist()
    )
    assert sorted(stretches) == sorted(
        name + str(number) for number in range(24) for name in ("both", "one", "two")
    )
    assert list(faults(Tables(str(place)))) == []


def test_what_is_taken_back_is_gone_with_its_frames(tmp_path: Path) -> None:
    write(tmp_path / "a", ["early", "other"])
    Archive(tmp_path / "a").take_back(["early"])
    database = lancedb.connect(str(tmp_path / "a"))
    assert database.open_table("stretches").to_arrow()["stretch"].to_pylist() == ["other"]
    assert set(database.open_table("frames").to_arrow()["stretch"].to_pylist()) == {"other"}
