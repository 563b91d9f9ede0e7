"""An event that is deleted while its files are written leaves nothing, and does not come back."""

import sqlite3

import numpy as np
import pytest

from stzsar.runtime.events.keeper import EventKeeper
from stzsar.runtime.events.options import ClipPlan
from stzsar.runtime.events.questions import ChangeOptions, delete
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.results import ActionEvent, Recognition, Score
from stzsar.runtime.sources.frames import Frame

FPS = 10.0


def result(time_s):
    shown = Score("waving", 0.9, 0.3)
    return Recognition("hall", time_s - 1, time_s, 4, (shown,), "waving", rate_fps=4.0)


def event(kind, time_s):
    return ActionEvent(kind, "hall", "waving", time_s, None, 0.9, 1.0)


def show(keeper, from_s, until_s):
    for index in range(round(from_s * FPS), round(until_s * FPS)):
        if keeper.wants("hall", index / FPS):
            image = np.full((48, 64, 3), index % 250, np.uint8)
            # As of a file: the keeper has written what it can when this returns.
            keeper.take("hall", Frame(image, index / FPS, index), live=False)


@pytest.fixture
def keeper(tmp_path):
    plan = ClipPlan(before_s=1.0, after_s=2.0, rate_fps=FPS, late_s=2.0)
    opened = EventKeeper(tmp_path / "events", addresses={"hall": "0"}, bundle="b", plan=plan)
    show(opened, 0, 2)
    opened.put(result(2.0))
    yield opened
    opened.close(5)


def left(folder):
    files = [path for kind in ("clips", "stills") for path in (folder / kind).rglob("*.*")]
    with EventStore(folder / "events.sqlite") as store:
        return files, store.find()


def test_a_clip_whose_event_is_deleted_meanwhile_is_no_orphan(keeper, tmp_path):
    folder = tmp_path / "events"
    keeper.put(event("start", 1.5))
    show(keeper, 2, 3)
    keeper.put(event("end", 2.8))
    show(keeper, 3, 4)  # until the clip is complete, 0.8 s are missing
    files, (stored,) = left(folder)
    assert stored.state == "ended"
    assert {path.suffix for path in files} == {".mp4", ".jpg"}
    delete(ChangeOptions(folder=folder, ids=(stored.id,)))
    show(keeper, 4, 6)
    keeper.close(5)
    assert left(folder) == ([], [])


def test_what_is_tried_again_does_not_bring_a_deleted_event_back(keeper, tmp_path, monkeypatch):
    folder = tmp_path / "events"
    set_file = EventStore.set_file
    tries = []

    def deleted_before_the_first_try(store, id_, *rest):
        tries.append(id_)
        if len(tries) == 1:
            with EventStore(folder / "events.sqlite") as other:
                other.delete([id_])
            raise sqlite3.OperationalError("database is locked")
        return set_file(store, id_, *rest)

    monkeypatch.setattr(EventStore, "set_file", deleted_before_the_first_try)
    keeper.put(event("start", 1.5))
    show(keeper, 2, 3)
    keeper.put(event("end", 2.8))
    show(keeper, 3, 6)
    keeper.close(5)
    assert len(tries) > 1
    assert left(folder) == ([], [])


def test_a_row_and_a_file_that_it_names_go_together(tmp_path, keeper):
    folder = tmp_path / "events"
    keeper.put(event("start", 1.5))
    keeper.put(event("end", 2.0))
    show(keeper, 2, 6)
    keeper.close(5)
    _, (stored,) = left(folder)
    with EventStore(folder / "events.sqlite") as store:
        assert store.delete([stored.id]) == [stored.clip, stored.still, stored.annotated]
        assert store.delete([stored.id]) == []
