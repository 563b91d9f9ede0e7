"""Files and folders appear whole or not at all."""

import os
import stat
import threading
from pathlib import Path

import pytest

from stzsar.runtime.atomic import write_file


def test_a_file_holds_what_was_written_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    write_file(tmp_path / "text", "größer\n")
    write_file(tmp_path / "bytes", b"\xff")

    assert (tmp_path / "text").read_bytes() == "größer\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bytes", "text"]


def test_permissions_are_those_asked_for_else_those_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "usual", "")
        write_file(tmp_path / "public", "", mode=0o644)
        write_file(tmp_path / "private", "", mode=0o600)
    finally:
        os.umask(before)

    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes == {"usual": 0o640, "public": 0o644, "private": 0o600}


def test_what_was_there_is_unchanged_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("before")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(tmp_path / "file", "after")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "before"


def test_a_link_is_replaced_and_its_target_stays(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to("target")

    write_file(tmp_path / "link", "after")

    assert (tmp_path / "target").read_text() == "before"
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "after"


def test_readers_see_one_whole_content_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    contents = {"a" * 100_000, "b" * 100_000}
    write_file(path, "a" * 100_000)
    done = threading.Event()

    def write() -> None:
        for number in range(40):
            write_file(path, "ab"[number % 2] * 100_000)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    while not done.is_set():
        assert path.read_text() in contents
    thread.join()


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127])
def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / name, "content")

    assert (tmp_path / name).read_text() == "content"
