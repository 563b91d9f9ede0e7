"""Workers whose batches do not fit into shared memory."""

import os
import types

import pytest
import torch

from stzsar.train.data.dataset import ClipRequest, Example
from stzsar.train.data.loader import loader
from stzsar.train.data.workers import fitting_workers

MIB = 1 << 20
BATCH = [ClipRequest(clip, clip) for clip in range(8)]


class Megabytes:
    """Clips of one MiB, so that a batch takes 8."""

    labels = ()

    def __len__(self):
        return 8

    def __getitem__(self, request):
        return Example(torch.zeros(MIB, dtype=torch.uint8), request.clip)


def with_free(monkeypatch, mib):
    free = types.SimpleNamespace(f_bavail=mib * MIB // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: free)


@pytest.mark.parametrize(
    ("free_mib", "wanted", "fitting"),
    [(64, 4, 1), (63, 1, 1), (160, 4, 4), (40, 2, 0), (0, 1, 0), (16_000, 64, 64)],
)
def test_as_many_workers_start_as_shared_memory_has_room_for(
    monkeypatch, caplog, free_mib, wanted, fitting
):
    with_free(monkeypatch, free_mib)
    monkeypatch.setattr("stzsar.runtime.terminal.commandline.log.propagate", True)
    assert fitting_workers(Megabytes(), BATCH, wanted) == fitting
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == (fitting < wanted)
    assert all(f"has {free_mib}.0 MiB free" in text and "--shm-size" in text for text in said)


def test_processes_of_one_machine_share_it(monkeypatch):
    with_free(monkeypatch, 128)
    assert fitting_workers(Megabytes(), BATCH, 4) == 3
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert fitting_workers(Megabytes(), BATCH, 4) == 1


def test_without_room_batches_are_the_same(monkeypatch):
    with_free(monkeypatch, 1)
    ((_, labels),) = loader(Megabytes(), [BATCH], workers=2)
    assert labels.tolist() == list(range(8))


def test_other_systems_have_no_such_limit(monkeypatch):
    def missing(_path):
        raise FileNotFoundError

    monkeypatch.setattr(os, "statvfs", missing)
    assert fitting_workers(Megabytes(), BATCH, 3) == 3
