"""What all commands share: they run as modules too, and end in one sentence."""

import errno
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from stzsar.runtime.terminal.commandline import at_the_edge

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")


def modules(root):
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    return {target.split(":")[0] for target in scripts.values()}


def test_python_m_shows_the_help_of_every_command(root):
    for module in sorted(modules(root)):
        done = subprocess.run(
            [sys.executable, "-m", module, "--help"],
            capture_output=True,
            text=True,
            check=False,
            cwd=root.parent,
        )
        assert done.returncode == 0, (module, done.stderr)
        assert done.stdout.startswith("Usage: "), module


@pytest.mark.parametrize(
    ("number", "file", "sentence"),
    [
        (errno.ENOSPC, None, "No space left on device: make room, or write to another disk."),
        (errno.EACCES, "a.txt", "Cannot use a.txt: Permission denied."),
        (errno.EIO, None, "Input/output error."),
    ],
)
def test_what_the_system_refuses_is_one_sentence(number, file, sentence):
    @click.command()
    @click.option("--debug", is_flag=True)
    @at_the_edge
    def command():
        raise OSError(number, os.strerror(number), file)

    result = CliRunner().invoke(command, [])

    assert result.exit_code == 2
    assert result.stderr == f"Error: {sentence}\n"
