"""A Jetson's sensors through tegrastats, part of Jetson Linux; its format changes by release.

JetPack 4 writes rails as `POM_5V_IN 2545/2547`, JetPack 5 and later as `VDD_IN 4761mW/4778mW`, the
current and the average power. Orin Nano, Orin NX and Xavier NX measure the input of the module
(`VDD_IN`), Thor that of the board (`VIN`); the others measure rails, which are summed. Sensors of
powered-off units show -256 °C. *Not verified on hardware.*
"""

import re
import shutil
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from .instrument import AbsentError, Reading, State
from .jetson import jetson_state

_INTERVAL_MS = 200
_FIRST_LINE_S = 5.0
_TOTALS = ("VDD_IN", "POM_5V_IN", "VIN")
_OFF_C = -200.0

_RAIL = re.compile(r"\b((?:VDD|VIN|POM|VDDQ|SYS5V|GPU|CPU|SOC|CV)\w*) (\d+)(?:mW)?/(\d+)(?:mW)?")
_TEMPERATURE = re.compile(r"\b([A-Za-z]\w*)@(-?[\d.]+)C\b")
_MEMORY = re.compile(r"\bRAM (\d+)/(\d+)MB")
_CORES = re.compile(r"\bCPU \[([^\]]*)\]")
_GPU = re.compile(r"\bGR3D_FREQ (\d+)%(?:@\[?(\d+))?")


@dataclass(frozen=True)
class Line:
    """One line: current power by rail, temperatures by sensor, and memory, loads and clocks."""

    rails_mw: Mapping[str, int]
    temperatures_c: Mapping[str, float]
    values: Mapping[str, float]

    @property
    def total(self) -> tuple[str, float] | None:
        """What the power covers, and its watts; None if the line has no rails."""
        for name in _TOTALS:
            if name in self.rails_mw:
                return name, self.rails_mw[name] / 1000
        if not self.rails_mw:
            return None
        return f"the sum of {', '.join(self.rails_mw)}", sum(self.rails_mw.values()) / 1000


def parse_line(line: str) -> Line:
    rails = {name: int(now) for name, now, _ in _RAIL.findall(line)}
    temperatures = {
        name: float(degrees)
        for name, degrees in _TEMPERATURE.findall(line)
        if float(degrees) > _OFF_C
    }
    values: dict[str, float] = {}
    if found := _MEMORY.search(line):
        values |= {"ram_mb": float(found[1]), "ram_total_mb": float(found[2])}
    if found := _CORES.search(line):
        cores = re.findall(r"(\d+)%(?:@(\d+))?", found[1])
        if cores:
            values["cpu_percent"] = sum(float(load) for load, _ in cores) / len(cores)
            clocks = [float(mhz) for _, mhz in cores if mhz]
            if clocks:
                values["cpu_mhz"] = max(clocks)
    if found := _GPU.search(line):
        values["gpu_percent"] = float(found[1])
        if found[2]:
            values["gpu_mhz"] = float(found[2])
    return Line(rails, temperatures, values)


class Tegrastats:
    """A tegrastats process whose lines a thread reads; see `instrument.Instrument`."""

    name = "tegrastats"

    def __init__(self) -> None:
        """Start it, and wait for its first line.

        Raises:
            AbsentError: it is not installed, or prints nothing.
        """
        program = shutil.which("tegrastats")
        if program is None:
            raise AbsentError("tegrastats is not installed; it is part of Jetson Linux")
        self._process = subprocess.Popen(
            [program, "--interval", str(_INTERVAL_MS)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._line = ""
        self._came = threading.Event()
        threading.Thread(target=self._follow, name="tegrastats", daemon=True).start()
        if not self._came.wait(_FIRST_LINE_S):
            self.close()
            raise AbsentError(f"tegrastats printed nothing within {_FIRST_LINE_S:g} s")
        total = parse_line(self._line).total
        self.measures = total[0] if total else ""

    def read(self) -> Reading:
        line = parse_line(self._line)
        hottest = (
            {"temperature_c": max(line.temperatures_c.values())} if line.temperatures_c else {}
        )
        return Reading(line.total[1] if line.total else None, {**line.values, **hottest})

    def state(self) -> State:
        line = parse_line(self._line)
        clocks = {k: v for k, v in line.values.items() if k.endswith("mhz")}
        return {
            **jetson_state(),
            **clocks,
            **{f"{name}_c": degrees for name, degrees in line.temperatures_c.items()},
        }

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _follow(self) -> None:
        for line in self._process.stdout or ():
            self._line = line
            self._came.set()
