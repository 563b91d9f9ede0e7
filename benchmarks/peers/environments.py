"""The peers' virtual environments: made once, kept, and never this project's own."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from .process import WorkerError, last_line
from .roster import ENVIRONMENTS, OWN

_MARK = "installed.txt"
# What would lead an interpreter to packages that are not its environment's.
_LEADS_ASTRAY = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class Environments:
    """Finds or makes the interpreter of each environment.

    Args:
        folder: where the environments lie.
        given: interpreters that exist already, by environment.
        say: told what takes a while.
    """

    def __init__(
        self, folder: Path, given: Mapping[str, str], say: Callable[[str], None] = lambda _: None
    ) -> None:
        self._folder, self._say = folder, say
        self._found: dict[str, str] = {OWN: sys.executable, **given}
        self._refused: dict[str, str] = {}

    def interpreter(self, name: str) -> str:
        """Return the interpreter of an environment, which is made if there is none.

        Raises:
            WorkerError: it cannot be made, the second time at once.
        """
        if name in self._refused:
            raise WorkerError(self._refused[name])
        if name not in self._found:
            try:
                self._found[name] = str(self._make(name))
            except WorkerError as error:
                self._refused[name] = str(error)
                raise
        return self._found[name]

    def _make(self, name: str) -> Path:
        place, wanted = self._folder / name, "\n".join(ENVIRONMENTS[name])
        inside = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
        python, mark = place / inside, place / _MARK
        if mark.is_file() and mark.read_text() == wanted and python.is_file():
            return python
        self._folder.mkdir(parents=True, exist_ok=True)
        self._say(f"Making the environment {place}: {', '.join(ENVIRONMENTS[name])}")
        log = self._folder / f"{name}.log"
        run_logged([sys.executable, "-m", "venv", str(place)], log, f"venv cannot make {place}")
        command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        run_logged([*command, *ENVIRONMENTS[name]], log, f"pip cannot fill {place}")
        mark.write_text(wanted)
        return python


def variables(name: str) -> dict[str, str]:
    """Return the variables of a process in an environment: nothing of ours, and no hub."""
    found = {key: value for key, value in os.environ.items() if key not in _LEADS_ASTRAY}
    found |= {"HF_HUB_OFFLINE": "1", "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1"}
    if name == OWN:
        # This package as it was imported here, which need not be the one that is installed.
        above = str(Path(__file__).resolve().parents[3])
        found["PYTHONPATH"] = os.pathsep.join(
            part for part in (above, os.environ.get("PYTHONPATH")) if part
        )
    return found


def run_logged(
    command: list[str], log: Path, failure: str, *, environment: str | None = None
) -> None:
    """Run a command to its end, with what it prints in a log.

    Args:
        command: the program and its arguments.
        log: where stdout and stderr go.
        failure: the begin of the sentence that says what did not work.
        environment: whose variables it gets; those of this process if None.

    Raises:
        WorkerError: it cannot be started, or fails.
    """
    try:
        with log.open("wb") as output:
            code = subprocess.call(
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
