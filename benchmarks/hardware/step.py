"""One step in a process of its own: an engine that crashes or hangs ends the step, not the report.

`python -m stzsar.benchmarks.hardware.step BUNDLE STEP PLAN RESULT` writes a step as JSON.
"""

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from ...runtime.bundle.bundle import Bundle
from ...runtime.documents import DocumentError, from_json
from ...runtime.errors import StzsarError
from ..tools.processes import call
from .privacy import impersonal
from .report import Facts, Plan, Status, Step
from .steps import STEPS, Findings, ImpossibleError

_LONGEST = 2000  # characters of a reason; TensorRT's log may be long


def run_apart(name: str, bundle: Path, plan: Plan) -> Step:
    """Run a step in a process of its own, whatever becomes of it."""
    begun = time.monotonic()
    limit_s = STEPS[name][1] + (60 * plan.minutes if name == "streams" else 0)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "step.json"
        words = (str(bundle), name, msgspec.json.encode(plan).decode(), str(result))
        command = [sys.executable, "-m", "stzsar.benchmarks.hardware.step", *words]
        try:
            code = call(command, timeout_s=limit_s, stdout=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            reason = f"It came to no end within {limit_s:.0f} s."
        else:
            reason = f"Its process ended with {_ending(code)}."
            with contextlib.suppress(OSError, DocumentError):
                return from_json(result.read_bytes(), Step)
    seconds = round(time.monotonic() - begun, 2)
    return Step(name=name, status="failed", seconds=seconds, reason=reason)


def run_here(name: str, bundle: Bundle, plan: Plan) -> Step:
    """Run a step in this process, and tell what came of it without a word about whose machine."""
    begun, found = time.monotonic(), Findings()
    status: Status = "ok"
    reason = ""
    try:
        STEPS[name][0](bundle, plan, found)
    except ImpossibleError as error:
        status, reason = "impossible", str(error)
    except StzsarError as error:
        status, reason = "failed", str(error)
    except Exception as error:  # a broken driver raises anything, and the report wants to know
        status, reason = "failed", f"{type(error).__name__}: {error}"
    return Step(
        name=name,
        status=status,
        seconds=round(time.monotonic() - begun, 2),
        reason=impersonal(reason)[:_LONGEST],
        facts=cleaned(found.facts),
    )


def cleaned(facts: Facts) -> Facts:
    """Return facts without what says whose machine it is, and floats with six digits."""
    return {
        impersonal(name): impersonal(value)[:_LONGEST]
        if isinstance(value, str)
        else (float(f"{value:.6g}") if isinstance(value, float) else value)
        for name, value in facts.items()
    }


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}, and without a result"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def main() -> None:
    """Run the step that the arguments name."""
    bundle, name, plan, result = sys.argv[1:]
    step = run_here(name, Bundle.open(Path(bundle)), from_json(plan, Plan))
    Path(result).write_bytes(msgspec.json.encode(step))


if __name__ == "__main__":
    main()
