"""The instruments of this machine, and why others are missing."""

from collections.abc import Callable

from ....runtime.jetson import jetson_linux
from .instrument import AbsentError, Instrument
from .jetson_stats import Jtop
from .nvml import Nvml
from .rapl import Rapl
from .tegrastats import Tegrastats


def find_instruments() -> tuple[list[Instrument], dict[str, str]]:
    """Return the started instruments, and for each missing one the reason."""
    found: list[Instrument] = []
    absent: dict[str, str] = {}

    def look(name: str, start: Callable[[], Instrument]) -> bool:
        try:
            found.append(start())
        except AbsentError as error:
            absent[name] = str(error)
            return False
        return True

    if not jetson_linux():
        absent |= dict.fromkeys((Jtop.name, Tegrastats.name), "this is not a Jetson")
    elif look(Jtop.name, Jtop):
        absent[Tegrastats.name] = "jtop reads the same sensors"
    else:
        look(Tegrastats.name, Tegrastats)
    look(Nvml.name, Nvml)
    look(Rapl.name, Rapl)
    return found, absent
