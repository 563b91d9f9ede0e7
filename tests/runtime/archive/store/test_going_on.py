"""Indexing that was cut off, or of files that are not whole."""

from pathlib import Path

import lancedb
import pytest

from stzsar.runtime.archive.index.indexing import index, prepare
from stzsar.runtime.archive.index.options import IndexOptions
from stzsar.runtime.archive.index.work import Done
from stzsar.runtime.bundle.bundle import open_default_bundle
from stzsar.runtime.command.archive.index import run_index
from stzsar.runtime.errors import SourceError


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    sample = open_default_bundle().path.parent / "sample.mp4"
    path.write_bytes(sample.read_bytes())
    return path


def test_a_file_that_grows_meanwhile_leaves_no_frame_twice(tmp_path: Path, clip: Path) -> None:
    options = IndexOptions(videos=(clip,), archive=str(tmp_path / "a"), stretch_s=1, threads=1)

    def grow(_seconds: float) -> None:
        with clip.open("ab") as file:
            file.write(b"\0")

    (first,) = index(prepare(options), options, grow)
    assert (first.outcome, first.stretches) == ("changed", 0)
    assert "changed while it was read" in first.error
    (second,) = index(prepare(options), options, lambda _seconds: None)
    assert second.outcome == "indexed"
    frames = lancedb.connect(options.archive).open_table("frames").to_arrow()["frame"].to_pylist()
    assert sorted(frames) == list(range(len(frames)))
    assert prepare(options).paths == ()


def test_a_video_that_was_broken_is_told_each_time(tmp_path: Path, clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    options = IndexOptions(videos=(clip,), archive=str(tmp_path / "a"), threads=1)
    for _ in range(2):
        with pytest.raises(SourceError, match="1 of 1 videos cannot be indexed"):
            run_index(options)
    assert prepare(options).paths == ()  # and it is not tried again


def test_a_video_has_a_row_before_its_first_stretch_and_is_gone_on_with(
    tmp_path: Path, clip: Path
) -> None:
    options = IndexOptions(videos=(clip,), archive=str(tmp_path / "a"), stretch_s=1, threads=1)

    def die(_seconds: float) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(index(prepare(options), options, die))
    (row,) = lancedb.connect(options.archive).open_table("videos").to_arrow().to_pylist()
    assert (row["path"], row["state"]) == (str(clip), "partial")
    (done,) = index(prepare(options), options, lambda _seconds: None)
    assert isinstance(done, Done)
    assert done.outcome == "indexed"
