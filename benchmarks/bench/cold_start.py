"""How long `stzsar-run` takes from its start to its first line, in a process of its own."""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from ...runtime.errors import StzsarError

# An engine may have to be built first.
PATIENCE_S = 1800.0
# So long it goes on after its first line, until it has all the memory that it wants.
GOES_ON_S = 1.0
_RUN = "from stzsar.runtime.cli import program; program()"


@dataclass(frozen=True)
class ColdStart:
    """How a fresh process began.

    Attributes:
        seconds: from its start to its first result.
        peak_mib: the most memory that it had until a second later; None if the system does not say.
    """

    seconds: float
    peak_mib: float | None


def start_cold(options: Sequence[str], labels: Sequence[str] | None = None) -> ColdStart:
    """Start `stzsar-run`, see its first result, and end it.

    Args:
        options: of `stzsar-run`.
        labels: names of labels that the bundle knows; all of its own if None.

    Raises:
        StzsarError: it ends without a result; its own words say why.
    """
    with tempfile.TemporaryDirectory() as folder:
        chosen = []
        if labels is not None:
            path = Path(folder) / "labels.json"
            path.write_text(json.dumps([{"label": name} for name in labels]), encoding="utf-8")
            chosen = ["--labels", str(path)]
        # A process that ignores its surroundings has one that does so too.
        isolated = ["-I"] if sys.flags.isolated else []
        command = [sys.executable, *isolated, "-c", _RUN, *options, *chosen, "--quiet"]
        with tempfile.TemporaryFile() as errors:
            start_s = perf_counter()
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
                found = _follow(process, start_s)
            if found is None:
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip().splitlines()
                why = said[-1].removeprefix("Error: ") if said else "it says nothing"
                raise StzsarError(f"stzsar-run gives no result: {why}")
    return found


def _follow(process: "subprocess.Popen[bytes]", start_s: float) -> ColdStart | None:
    """Return how it began, and end it; None if it gives no line."""
    assert process.stdout is not None
    alarm = threading.Timer(PATIENCE_S, process.kill)
    alarm.start()
    try:
        line = process.stdout.readline()
        passed_s = perf_counter() - start_s
        if not line:
            return None
        # A full pipe would hold it up.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        peak = None
        while perf_counter() - start_s < passed_s + GOES_ON_S and process.poll() is None:
            peak = _peak_mib(process.pid) or peak
            time.sleep(0.02)
        return ColdStart(passed_s, peak)
    finally:
        alarm.cancel()
        process.kill()


def _peak_mib(pid: int) -> float | None:
    """Return the most memory that a process ever had, of which `getrusage` would tell its parent's.

    Its own since it was started: what it was forked from is not in it.
    """
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else None
    return None
