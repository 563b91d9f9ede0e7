"""Fixtures of the tests of kept events."""

import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 16 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(path)],
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=False)
