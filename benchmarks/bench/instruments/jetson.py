"""Power mode and throttling of a Jetson, for every instrument that measures its power.

*Not verified on hardware.*
"""

import shutil
import subprocess
from pathlib import Path

from .instrument import State

_SYS = Path("/sys")


def jetson_state(sys: Path = _SYS) -> State:
    """Return the power mode and the throttling counters; `sys` is where the kernel's files are."""
    return {**_power_mode(), **_overcurrent(sys), **_throttled(sys)}


def mode_of(said: str) -> str:
    """Return the power mode that `nvpmodel -q` prints; empty if there is none."""
    mark = "NV Power Mode:"
    found = [line.split(mark, 1)[1].strip() for line in said.splitlines() if mark in line]
    return found[0] if found else ""


def _power_mode() -> dict[str, str]:
    program = shutil.which("nvpmodel")
    if program is None:
        return {}
    try:
        done = subprocess.run(
            [program, "-q"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    mode = mode_of(done.stdout)
    return {"power_mode": mode} if mode else {}


def _overcurrent(sys: Path) -> dict[str, int]:
    """Return how often each over-current limit was hit since the board was powered on."""
    counters = sorted(sys.glob("class/hwmon/hwmon*/oc*_event_cnt"))
    return {path.name: int(text) for path in counters if (text := read_or_empty(path)).isdecimal()}


def _throttled(sys: Path) -> dict[str, int]:
    """Return the state of each thermal alert that throttles something; 0 is off."""
    found: dict[str, int] = {}
    for device in sorted(sys.glob("class/thermal/cooling_device*")):
        kind, state = read_or_empty(device / "type"), read_or_empty(device / "cur_state")
        if kind.endswith("throttle-alert") and state.isdecimal():
            found[kind] = int(state)
    return found


def read_or_empty(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
