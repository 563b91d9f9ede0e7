"""Which Jetson Linux this machine runs, if any."""

import re
from pathlib import Path

_L4T_RELEASE = Path("/etc/nv_tegra_release")


def jetson_linux() -> str:
    """Return the release of Jetson Linux, "36.4.3"; "" if this is not a Jetson."""
    return l4t_release(first_line(_L4T_RELEASE))


def l4t_release(line: str) -> str:
    """Return "36.4.3" from the first line of /etc/nv_tegra_release; "" for any other line."""
    match = re.match(r"# R(\d+) \(release\), REVISION: ([\d.]+)", line)
    return f"{match[1]}.{match[2]}" if match else ""


def first_line(path: Path) -> str:
    """Return the first line of a file, stripped; "" if it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""
