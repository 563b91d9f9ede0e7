"""Workers whose batches do not fit into shared memory."""

import os
import types

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.train.data.loader import choose_workers

MIB = 1 << 20


def with_free(monkeypatch, mib):
    free = types.SimpleNamespace(f_bavail=mib * MIB // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: free)


@pytest.mark.parametrize(
    ("free_mib", "wanted", "given"),
    [(64, None, 1), (24, None, 1), (23, None, 0), (0, None, 0), (0, 0, 0), (72, 4, 4)],
)
def test_by_default_a_worker_starts_if_its_batches_have_room(
    monkeypatch, caplog, free_mib, wanted, given
):
    """A worker holds two batches, and the loop a third."""
    with_free(monkeypatch, free_mib)
    assert choose_workers(wanted, 8 * MIB) == given
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (wanted is None and given == 0)
    assert all(f"has {free_mib}.0 MiB free" in text and "--shm-size" in text for text in said)


def test_workers_that_were_asked_for_and_do_not_fit_are_one_sentence(monkeypatch):
    with_free(monkeypatch, 64)
    with pytest.raises(StzsarError, match=r"has 64\.0 MiB free, .* or give --workers 3"):
        choose_workers(4, 8 * MIB)


def test_processes_of_one_machine_share_it(monkeypatch):
    with_free(monkeypatch, 80)
    assert choose_workers(4, 8 * MIB) == 4
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(StzsarError, match="or give --workers 2"):
        choose_workers(4, 8 * MIB)


def test_other_systems_have_no_such_limit(monkeypatch):
    def missing(_path):
        raise FileNotFoundError

    monkeypatch.setattr(os, "statvfs", missing)
    assert choose_workers(3, 8 * MIB) == 3
