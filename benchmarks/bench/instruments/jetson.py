"""What a Jetson says of its power mode and of throttling, whichever instrument measures its power.

*Not verified on hardware.*
"""

import shutil
import subprocess
from pathlib import Path

from .instrument import State

_SYS = Path("/sys")


def jetson_state(sys: Path = _SYS) -> State:
    """Return the power mode, and how often and whether something slowed it down.

    Args:
        sys: where the kernel's files are.
    """
    return {**_power_mode(), **_overcurrent(sys), **_throttled(sys)}


def mode_of(said: str) -> str:
    """Return the power mode in what `nvpmodel -q` prints; empty if there is none."""
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
    """Return how often each over-current limit was met since the board was switched on."""
    counters = sorted(sys.glob("class/hwmon/hwmon*/oc*_event_cnt"))
    return {path.name: int(text) for path in counters if (text := _read(path)).isdecimal()}


def _throttled(sys: Path) -> dict[str, int]:
    """Return the state of each thermal alert that slows something down; 0 does not."""
    found: dict[str, int] = {}
    for device in sorted(sys.glob("class/thermal/cooling_device*")):
        kind, state = _read(device / "type"), _read(device / "cur_state")
        if kind.endswith("throttle-alert") and state.isdecimal():
            found[kind] = int(state)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
