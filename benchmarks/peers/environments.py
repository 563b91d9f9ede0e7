"""The peers' virtual environments: made once, kept, and never this project's own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ...runtime.terminal.commandline import say
from ..tools.processes import call
from .process import WorkerError, last_line
from .roster import ENVIRONMENTS, OWN

_MARK = "installed.txt"
# Variables that would make an interpreter find packages of another environment.
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class Environments:
    """Finds or makes the interpreter of each environment; `given` ones exist already."""

    def __init__(self, folder: Path, given: Mapping[str, str]) -> None:
        self._folder = folder
        self._found: dict[str, str] = {OWN: sys.executable, **given}
        self._failed: dict[str, str] = {}

    def interpreter(self, name: str) -> str:
        """Return an environment's interpreter; raise WorkerError, then and later, if pip fails."""
        if name in self._failed:
            raise WorkerError(self._failed[name])
        if name not in self._found:
            try:
                self._found[name] = str(self._make(name))
            except WorkerError as error:
                self._failed[name] = str(error)
                raise
        return self._found[name]

    def _make(self, name: str) -> Path:
        folder, wanted = self._folder / name, "\n".join(ENVIRONMENTS[name])
        python, mark = folder / "bin" / "python", folder / _MARK
        if mark.is_file() and mark.read_text() == wanted and python.is_file():
            return python
        self._folder.mkdir(parents=True, exist_ok=True)
        say(f"Making the environment {folder}: {', '.join(ENVIRONMENTS[name])}")
        log = self._folder / f"{name}.log"
        run_logged([sys.executable, "-m", "venv", str(folder)], log, f"venv cannot make {folder}")
        command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        run_logged([*command, *ENVIRONMENTS[name]], log, f"pip cannot fill {folder}")
        mark.write_text(wanted)
        return python


def variables(name: str) -> dict[str, str]:
    """Return the variables of a process in an environment: not ours, and without the hub."""
    found = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    found |= {"HF_HUB_OFFLINE": "1", "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1"}
    if name == OWN:
        # The package that runs here, which may not be the installed one.
        above = str(Path(__file__).resolve().parents[3])
        found["PYTHONPATH"] = os.pathsep.join(
            part for part in (above, os.environ.get("PYTHONPATH")) if part
        )
    return found


def run_logged(
    command: list[str], log: Path, failure: str, *, environment: str | None = None
) -> None:
    """Run a command with its output in a log; raise WorkerError, with `failure` first, if it fails.

    It gets the variables of `environment`, or those of this process.
    """
    try:
        with log.open("wb") as output:
            code = call(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=variables(environment) if environment else None,
            )
    except OSError as error:
        raise WorkerError(f"{failure}: {error.strerror} ({command[0]}).") from error
    if code:
        raise WorkerError(f"{failure}: {last_line(log) or f'exit code {code}'}")
