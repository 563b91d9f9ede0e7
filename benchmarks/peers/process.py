"""A worker process: started, asked and ended; each failure is one sentence."""

import contextlib
import json
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...runtime.terminal.commandline import printable

_END_S = 5.0
_SHOWN = 200


class WorkerError(Exception):
    """Why a peer cannot be measured, in one sentence."""


class Worker:
    """A process that speaks the line protocol of `workers/serving.py`; stderr goes into `log`."""

    def __init__(
        self, command: Sequence[str], log: Path, *, environment: dict[str, str] | None = None
    ) -> None:
        self._log = log
        try:
            with log.open("wb") as stderr:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=environment,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                )
        except OSError as error:
            raise WorkerError(f"Cannot start {command[0]}: {error.strerror}.") from error

    def ask(self, command: str, *, wait_s: float) -> dict[str, Any]:
        """Return the answer to a command; raise WorkerError if none comes in time, or an error."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        with contextlib.suppress(BrokenPipeError):  # the death is reported below
            stdin.write(command + "\n")
            stdin.flush()
        if not select.select([stdout], [], [], wait_s)[0]:
            raise WorkerError(f"It did not answer {command!r} within {wait_s:.0f} s.")
        line = stdout.readline()
        if not line:
            raise WorkerError(self._obituary())
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise WorkerError(f"It answered {command!r} with {_one_line(line)!r}.")
        if "error" in answer:
            raise WorkerError(_one_line(str(answer["error"])))
        return answer

    def processor_s(self) -> float:
        import psutil

        return sum(psutil.Process(self._process.pid).cpu_times()[:2])

    def rss_mib(self) -> float:
        import psutil

        return psutil.Process(self._process.pid).memory_info().rss / 2**20

    def close(self) -> None:
        """Ask the process to end, then kill it."""
        assert self._process.stdin
        with contextlib.suppress(OSError):
            self._process.stdin.write("quit\n")
            self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _obituary(self) -> str:
        code = self._process.wait()
        last = last_line(self._log)
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"It {ended}: {last}" if last else f"It {ended} and printed nothing."


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, short enough for a table."""
    lines = [line for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return _one_line(lines[-1]) if lines else ""


def _one_line(text: str) -> str:
    text = " ".join(printable(text).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
