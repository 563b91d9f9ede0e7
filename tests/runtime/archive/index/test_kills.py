"""What is left of an archive whose writers are killed, meet, or find a full disk."""

import contextlib
import random
import time

import lancedb
import pytest

from stzsar.runtime.archive.keeping.compact import compact
from stzsar.runtime.archive.keeping.tables import Tables

STRETCH = ("--stretch", "1")


@pytest.fixture
def videos(colourful):
    return [colourful(f"{seed}.avi", 12, seed=seed) for seed in range(3)]


@pytest.fixture
def uninterrupted(bundle, videos, indexed, rows, tmp_path):
    indexed(tmp_path / "uninterrupted", *videos, bundle=bundle, stretch_s=1.0)
    return rows(tmp_path / "uninterrupted")


def check(archive, uninterrupted, rows, orphans):
    """See that each row is there once, as if nobody had been killed."""
    assert rows(archive).equals(uninterrupted)
    stretches = lancedb.connect(archive).open_table("stretches").search().limit(None).to_list()
    assert len({row["stretch"] for row in stretches}) == len(stretches)
    compact(Tables(str(archive)), alone=True)
    assert rows(archive).equals(uninterrupted)
    assert orphans(archive) == []


def killed_drivers(times, chance, killing, videos, archive, *arguments):
    """Kill the driver again and again; return how often it was in the middle of its work."""
    count = 0
    for _ in range(times):
        driver = killing(archive, *videos, *STRETCH, *arguments)
        driver.kill_at_random(chance, 36)
        count += driver.ended()[0] == -9
    assert killing(archive, *videos, *STRETCH, *arguments).ended()[0] == 0
    return count


def test_a_killed_driver_loses_nothing(killing, videos, uninterrupted, rows, orphans, tmp_path):
    assert killed_drivers(2, random.Random(1), killing, videos, tmp_path / "archive")
    check(tmp_path / "archive", uninterrupted, rows, orphans)


def killed_workers(times, chance, killing, videos, archive, of, *arguments):
    """Kill workers of one run; return how the run ended, and what it said."""
    driver = killing(archive, *videos, *STRETCH, *arguments)
    killed = [driver.kill_at_random(chance, 18, of=of) for _ in range(times)]
    assert any(killed)
    return driver.ended()


def test_a_killed_worker_is_replaced(killing, videos, uninterrupted, rows, orphans, tmp_path):
    code, said = killed_workers(
        1, random.Random(2), killing, videos, tmp_path / "archive", "spawn_main", "--workers", 2
    )
    assert code == 0, said
    check(tmp_path / "archive", uninterrupted, rows, orphans)


def test_workers_of_a_killed_driver_end(killing, videos, below, named, tmp_path):
    driver = killing(tmp_path / "archive", *videos, *STRETCH, "--workers", 2)
    driver.wait_for_stretches(2)
    workers = [pid for pid in below(driver.process.pid) if "spawn_main" in named(pid)]
    assert workers
    driver.process.kill()
    until = time.monotonic() + 20
    while any("spawn_main" in named(pid) for pid in workers):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_two_indexers_at_once_write_each_frame_once(
    bundle, killing, videos, indexed, rows, orphans, tmp_path
):
    archive, video = tmp_path / "archive", videos[0]
    both = [killing(archive, video, *STRETCH) for _ in range(2)]
    for one in both:
        code, said = one.ended()
        assert code == 0, said
    assert orphans(archive) == []
    bundles = lancedb.connect(archive).open_table("bundles").count_rows()
    assert bundles == 1
    indexed(tmp_path / "alone", video, bundle=bundle, stretch_s=1.0)
    assert rows(archive).equals(rows(tmp_path / "alone"))


def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    killing, small_disk, videos, uninterrupted, rows, orphans
):
    archive, others = small_disk / "archive", small_disk / "others"
    begun = killing(archive, *videos, *STRETCH)
    begun.wait_for_stretches(4)
    with others.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 14))
    code, said = begun.ended()
    assert code == 2, said
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, said
    assert errors[0].endswith("is full: make room and run the same command again; what is "
                              "committed is kept.")  # fmt: skip
    others.unlink()
    code, said = killing(archive, *videos, *STRETCH).ended()
    assert code == 0, said
    check(archive, uninterrupted, rows, orphans)


@pytest.mark.slow
def test_fourteen_kills_of_drivers_and_workers_lose_nothing(
    killing, videos, uninterrupted, rows, orphans, tmp_path
):
    chance, drivers = random.Random(22), tmp_path / "drivers"
    print(killed_drivers(7, chance, killing, videos, drivers), "of 7 drivers in their work")
    check(drivers, uninterrupted, rows, orphans)
    for one in range(7):
        archive = tmp_path / f"workers{one}"
        code, said = killed_workers(
            1, chance, killing, videos, archive, "spawn_main", "--workers", 2
        )
        assert code == 0, said
        check(archive, uninterrupted, rows, orphans)


@pytest.mark.slow
def test_killed_actors_of_ray_lose_nothing(killing, videos, uninterrupted, rows, orphans, tmp_path):
    pytest.importorskip("ray")
    chance = random.Random(6)
    for one in range(2):
        archive = tmp_path / f"archive{one}"
        code, said = killed_workers(
            3, chance, killing, videos, archive, "MapWorker", "--workers", 2, "--ray", "local"
        )
        assert code == 0, said
        check(archive, uninterrupted, rows, orphans)
