"""Pages and answers on disk, where the disk is not as it should be."""

import logging
import stat
import subprocess
import sys

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.train.attributes.cache import Cache

FULL = """
import resource, sys
from pathlib import Path
from stzsar.runtime.terminal.commandline import start_logging
from stzsar.train.attributes.cache import Cache

start_logging()
cache = Cache(Path(sys.argv[1])).open()
cache.keep_answer("first", {"text": "kept"})
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
for number in range(50):
    cache.keep_answer(f"{number}", {"text": "x" * 10_000})
print(cache.answer("first"))
"""


def test_a_full_disk_is_said_once_and_ends_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'text': 'kept'}\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{tmp_path}/cache.db cannot be used (")
    assert line.endswith("): a rerun will ask again.")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StzsarError, match=r"Cannot write .*name another folder with --cache"):
        Cache(tmp_path / "file" / "cache").open()


def test_only_their_owner_reads_pages_and_answers(tmp_path):
    cache = Cache(tmp_path / "cache").open()
    cache.keep_answer("question", {"text": "answer"})
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "cache").glob("cache.db*")}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


def test_two_runs_share_a_cache(tmp_path):
    one, two = Cache(tmp_path).open(), Cache(tmp_path).open()
    one.keep_answer("question", {"text": "answer"})
    assert two.answer("question") == {"text": "answer"}
    assert two.answer("another") is None


def test_a_look_at_a_damaged_cache_changes_nothing_and_shows_no_traceback(tmp_path, capfd):
    logging.getLogger("stzsar").propagate = True
    (tmp_path / "cache.db").write_bytes(b"damaged" * 999)
    assert not Cache(tmp_path).knows("http://host.example/")
    assert (tmp_path / "cache.db").read_bytes() == b"damaged" * 999
    assert "Traceback" not in capfd.readouterr().err
