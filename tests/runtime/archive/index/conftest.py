"""Archives that a test indexes, and what is in them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest
from pyarrow import compute

from stzsar.runtime.archive.index.indexing import index, prepare
from stzsar.runtime.archive.index.options import IndexOptions
from stzsar.runtime.archive.keeping.tables import Tables
from stzsar.runtime.archive.keeping.verify import faults

COLOURS = ("blue", "green", "red")


def indexed(archive: Path | str, *videos: Path, **options: Any) -> list[Any]:
    """Index in this process; return what became of each video."""
    asked = IndexOptions(videos=videos, archive=str(archive), **options)
    return list(index(prepare(asked), asked, lambda _seconds: None))


def rows(archive: Path | str, **storage: str) -> pa.Table:
    """The frames that count, in order; which attempt wrote them is of no account."""
    database = lancedb.connect(str(archive), storage_options=storage or None)
    counting = database.open_table("stretches").search().limit(None).to_list()
    frames = database.open_table("frames").search().limit(None).to_arrow()
    frames = frames.filter(compute.field("attempt").isin([row["attempt"] for row in counting]))
    order = [("video", "ascending"), ("bundle", "ascending"), ("frame", "ascending")]
    return frames.drop_columns(["attempt"]).sort_by(order).combine_chunks()


def orphans(archive: Path) -> list[str]:
    return list(faults(Tables(str(archive))))


class Indexing:
    """A process that indexes, to be killed."""

    def __init__(self, bundle: Path, archive: Path, *arguments: object) -> None:
        self.archive = archive
        command = [sys.executable, "-Im", "stzsar.runtime.command.archive.cli", "index"]
        command += ["--archive", str(archive), "--bundle", str(bundle), "--threads", "1"]
        self.process = subprocess.Popen(
            [*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True
        )

    def wait_for_stretches(self, count: int) -> None:
        """Return when so many are committed, or when the process has ended."""
        versions = self.archive / "stretches.lance" / "_versions"
        until = time.monotonic() + 90
        while self.process.poll() is None and time.monotonic() < until:
            if versions.is_dir() and len(list(versions.glob("*.manifest"))) > count + 1:
                return
            time.sleep(0.005)

    def kill_at_random(self, chance: random.Random, stretches: int, of: str | None = None) -> bool:
        """Kill it, or a process below it whose command names `of`, at any moment; say if so."""
        self.wait_for_stretches(chance.randrange(stretches))
        time.sleep(chance.random() * 0.05)
        if of is None:
            self.process.kill()
            return True
        found = [pid for pid in below(self.process.pid) if of in named(pid)]
        if found:
            os.kill(chance.choice(found), signal.SIGKILL)
        return bool(found)

    def ended(self) -> tuple[int, str]:
        """Wait for its end; return its code and what it said."""
        _, said = self.process.communicate(timeout=120)
        return self.process.returncode, said


def below(pid: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            child = int(path.parent.name)
            found += [child, *below(child)]
    return found


def named(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def colourful(tmp_path: Path, draw_video) -> Callable[..., Path]:
    """Draw a video whose frames differ, so that no row can stand for another."""

    def draw(name: str = "a.avi", seconds: float = 20, *, seed: int = 0) -> Path:
        chance = random.Random(seed)
        return draw_video(tmp_path / name, chance.choices(COLOURS, k=int(seconds * 8)))

    return draw


@pytest.fixture
def killing(bundle: Path):
    """Start indexers, and leave none behind."""
    begun: list[Indexing] = []

    def begin(archive: Path, *arguments: object) -> Indexing:
        begun.append(Indexing(bundle, archive, *arguments))
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


for _function in (indexed, rows, orphans, below, named):
    # Test files cannot import a conftest in pytest's importlib mode; these hand them its functions.
    globals()[f"_{_function.__name__}_fixture"] = pytest.fixture(name=_function.__name__)(
        lambda function=_function: function
    )
