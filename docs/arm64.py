"""Print a table of which extras have all their wheels on 64-bit Arm, for each Python.

Usage: python docs/arm64.py, with uv in PATH. It resolves and downloads no package.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLATFORM = "aarch64-manylinux_2_28"
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
# Without gpu and rtx, whose engines have wheels for x86_64 alone.
EXTRAS = (
    *("cpu", "jetson", "av", "fetch", "sinks", "notify", "events", "page", "verify"),
    *("bench", "attributes", "export", "train"),
)


def missing(extras: tuple[str, ...], python: str) -> str:
    """Return what has no wheel for some extras, as uv says it; "" if all have one."""
    command = ["uv", "pip", "compile", "--quiet", "--python-platform", PLATFORM]
    command += ["--python-version", python, "--only-binary", ":all:"]
    command += [word for extra in extras for word in ("--extra", extra)]
    done = subprocess.run(
        [*command, "pyproject.toml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stderr


def main() -> None:
    """Print the table, and below it why a resolution failed."""
    found: dict[tuple[str, str], str] = {}
    for python in PYTHONS:
        # Where all of them resolve together, each does.
        whole = missing(EXTRAS, python)
        for extra in EXTRAS:
            found[extra, python] = missing((extra,), python) if whole else ""
    print(f"| extra | {' | '.join(PYTHONS)} |\n|---|{'---|' * len(PYTHONS)}")
    for extra in EXTRAS:
        marks = ["no" if found[extra, python] else "yes" for python in PYTHONS]
        print(f"| `[{extra}]` | {' | '.join(marks)} |")
    for (extra, python), why in found.items():
        if why:
            print(f"\n[{extra}] on Python {python}:\n{why}", file=sys.stderr)


if __name__ == "__main__":
    main()
