"""A run of stzsar-teach beside a run, and what its calibration would have done."""

import json
import shutil
import subprocess
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import StzsarError

MOST_SAID = 8
_LONGEST_LINE = 500
# A run that is killed takes them along.
_ENDING = "from stzsar.runtime.terminal.child_processes import end_with_parent; end_with_parent();"
_TEACH = f"{_ENDING} from stzsar.runtime.command.teach_cli import main; main()"
_RUN = f"{_ENDING} from stzsar.runtime.command.cli import program; program()"


class JobStoppedError(StzsarError):
    """Somebody stopped the job."""


@dataclass(frozen=True)
class MarkedClip:
    """A clip of an event that somebody marked.

    Attributes:
        path: the clip.
        label: what it was taken for.
        is_right: whether it was that.
    """

    path: Path
    label: str
    is_right: bool


class Job:
    """Programs that run after each other, with little of the machine.

    Attributes:
        said: the last lines that they said.
    """

    def __init__(self, on_said: Callable[[], None]) -> None:
        self.said: deque[str] = deque(maxlen=MOST_SAID)
        self._on_said = on_said
        self._process: subprocess.Popen[str] | None = None
        self._starting = threading.Lock()
        self._is_stopped = False

    def teach(self, arguments: Sequence[str]) -> None:
        """Run stzsar-teach.

        Raises:
            StzsarError: it failed, or was stopped.
        """
        self._run(_TEACH, arguments)

    def found(
        self, clips: Sequence[MarkedClip], arguments: Sequence[str], output: Path
    ) -> Mapping[tuple[str, bool], int]:
        """Return of how many marked clips stzsar-run reports their label.

        Args:
            clips: they.
            arguments: of stzsar-run.
            output: a file for what it says.

        Returns:
            The count by label and by whether they were right.

        Raises:
            StzsarError: it failed, or was stopped.
        """
        if not clips:
            return {}
        output.unlink(missing_ok=True)
        names = [str(clip.path) for clip in clips]
        self._run(_RUN, [*arguments, "--events-only", "--output", str(output), *names])
        told = [json.loads(line) for line in output.read_text().splitlines()]
        starts = {(one["source"], one["label"]) for one in told if one["type"] == "event"}
        return Counter(
            (clip.label, clip.is_right) for clip in clips if (str(clip.path), clip.label) in starts
        )

    def stop(self) -> None:
        """Stop what runs, and start nothing more."""
        with self._starting:
            self._is_stopped = True
            if self._process:
                self._process.kill()

    def _run(self, program: str, arguments: Sequence[str]) -> None:
        gently = ["nice", "-n", "10"] if shutil.which("nice") else []
        command = [*gently, sys.executable, "-c", program, "--threads", "1", "--quiet"]
        command += arguments
        with self._starting:
            if self._is_stopped:
                raise JobStoppedError("It was stopped.")
            self._process = process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        assert process.stderr
        last = ""
        for line in process.stderr:
            if line := line.strip()[:_LONGEST_LINE]:
                last = line
                self.said.append(line)
                self._on_said()
        code = process.wait()
        with self._starting:
            self._process = None
            if self._is_stopped:
                raise JobStoppedError("It was stopped.")
        if code:
            raise StzsarError(last.removeprefix("Error: ") or f"It ended with exit code {code}.")
