"""The time from the start of a `stzsar-run` process to its first result, and its memory."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from ...runtime.errors import StzsarError
from ...runtime.labels.labels import Label, is_bare
from ..tools.processes import peak_mib

# It may have to build an engine first.
PATIENCE_S = 1800.0
# How long it runs on after its first result, until its memory has reached its peak.
_RUNS_ON_S = 1.0
_RUN = "from stzsar.runtime.command.cli import program; program()"


@dataclass(frozen=True)
class ColdStart:
    seconds: float  # from its start to its first result
    peak_mib: float | None  # its peak memory one second later; None where the system does not tell


def start_cold(arguments: Sequence[str], labels: Sequence[Label] | None = None) -> ColdStart:
    """Start `stzsar-run`, wait for its first result, and end it; no labels means all."""
    with tempfile.TemporaryDirectory() as folder:
        chosen = []
        if labels is not None:
            path = Path(folder) / "labels.json"
            path.write_text(json.dumps([_written(label) for label in labels]), encoding="utf-8")
            chosen = ["--labels", str(path)]
        isolated = ["-I"] if sys.flags.isolated else []
        command = [sys.executable, *isolated, "-c", _RUN, *arguments, *chosen, "--quiet"]
        with (Path(folder) / "stderr").open("w+b") as errors:
            start_s = perf_counter()
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process:
                cold = _follow(process, start_s)
            if cold is None:
                errors.seek(0)
                lines = errors.read().decode(errors="replace").strip().splitlines()
                why = lines[-1].removeprefix("Error: ") if lines else "it printed nothing"
                raise StzsarError(f"stzsar-run gives no result: {why}")
    return cold


def _written(label: Label) -> dict[str, Any]:
    """Return a label as a label file has it; a name alone means what the bundle means by it."""
    if is_bare(label):
        return {"label": label.name, "role": label.role}
    attributes = list(label.attributes)
    return {"label": label.name, "role": label.role, "text": label.text, "attributes": attributes}


def _follow(process: "subprocess.Popen[bytes]", start_s: float) -> ColdStart | None:
    """Wait for the first line and end the process; return None if there is no line."""
    assert process.stdout is not None
    alarm = threading.Timer(PATIENCE_S, process.kill)
    alarm.start()
    try:
        line = process.stdout.readline()
        passed_s = perf_counter() - start_s
        if not line:
            return None
        # A full pipe would block it.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        peak = None
        while perf_counter() - start_s < passed_s + _RUNS_ON_S and process.poll() is None:
            peak = peak_mib(process.pid) or peak
            time.sleep(0.02)
        return ColdStart(passed_s, peak)
    finally:
        alarm.cancel()
        process.kill()
