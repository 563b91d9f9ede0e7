"""How many megabytes an install takes: a new environment, without pip."""

import shlex
import sys
from pathlib import Path

from ..runtime.errors import StzsarError
from .tools.processes import call


def installed_mb(extras: str, environment: Path, *, bytecode: bool = True) -> float:
    """Return the size in MB (10⁶ bytes) of this checkout with some extras in a new environment.

    Args:
        extras: such as "cpu,fetch".
        environment: the folder of the environment; what it has is lost.
        bytecode: let pip compile what it installs, as it does unless it is told not to.

    Raises:
        StzsarError: pip failed.
    """
    root, pip = Path(__file__).parents[1], [str(environment / "bin" / "python"), "-m", "pip"]
    more = () if bytecode else ("--no-compile",)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(environment)],
        [*pip, "install", "--quiet", *more, f"{root}[{extras}]"],
        [*pip, "uninstall", "--quiet", "--yes", "setuptools", "pip"],
    ):
        if code := call(command):
            raise StzsarError(f"--install failed: {shlex.join(command)} gave exit code {code}.")
    library = next((environment / "lib").iterdir())
    return sum(file.stat().st_size for file in library.rglob("*") if file.is_file()) / 1e6
