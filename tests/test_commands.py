"""Every command also runs as a module, where its script is not on PATH."""

import subprocess
import sys

import pytest

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
