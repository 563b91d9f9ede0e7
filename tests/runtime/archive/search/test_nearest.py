"""The index: what it finds of what is nearest, and that searches go through it."""

import pytest

from stzsar.runtime.archive.search import finding
from stzsar.runtime.archive.search.nearest import has_index, recall
from stzsar.runtime.archive.search.opening import open_tables
from stzsar.runtime.archive.search.questions import SearchOptions, search
from stzsar.runtime.archive.search.reindexing import reindexed
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle


def test_an_index_finds_what_a_scan_finds(new_archive, random_frames, monkeypatch):
    used = Bundle.open(shipped_bundle())
    archive = new_archive(used, stretch=500)
    archive.add("hall", random_frames(used, 1500, 1), clock=1e9)
    tables = open_tables(archive.folder, {})
    assert recall(tables("frames")) is None
    monkeypatch.setattr(finding, "ALL_WINDOWS", 0)
    asked = SearchOptions(
        archive=archive.folder, labels=["white ring jumping"], bundle=used.path, top=1
    )
    before = search(asked)
    done = reindexed(tables, archive.folder, least=1000)
    assert has_index(tables("frames"))
    assert done.rows == 1500
    assert done.recall >= 0.95
    after = search(asked)
    assert after.moments[0].peak == pytest.approx(before.moments[0].peak)
