"""A Jetson's sensors through jetson-stats (jtop): `sudo pip3 install -U jetson-stats`.

Its service reads the same sensors as tegrastats. *Not verified on hardware.*
"""

import importlib
from collections.abc import Mapping
from typing import Any

from .instrument import AbsentError, Reading, State
from .jetson import jetson_state

_INTERVAL_S = 0.5


class Jtop:
    """A client of jtop's service (jetson-stats 4 and later); see `instrument.Instrument`."""

    name = "jtop"

    def __init__(self) -> None:
        """Connect; raise AbsentError if it is not installed, or its service does not answer."""
        try:
            jtop: Any = importlib.import_module("jtop")
        except ImportError as error:
            raise AbsentError("jetson-stats is not installed") from error
        try:
            self._client = jtop.jtop(interval=_INTERVAL_S)
            self._client.start()
            alive = self._client.ok()
        except Exception as error:  # its service may be of any version
            raise AbsentError(f"the service of jtop does not answer ({error})") from error
        if not alive:
            raise AbsentError("the service of jtop does not answer")
        self.measures = measured(self._client.power)

    def read(self) -> Reading:
        return reading_of(self._client.power, self._client.temperature)

    def state(self) -> State:
        values = self.read().values
        return {
            **jetson_state(),
            "power_mode": str(self._client.nvpmodel or "unknown"),
            "jetson_clocks": str(bool(self._client.jetson_clocks)),
            **values,
        }

    def close(self) -> None:
        self._client.close()


def measured(power: Mapping[str, Any]) -> str:
    """Return what jtop's total power covers."""
    name = power.get("tot", {}).get("name")
    return name or f"the sum of {', '.join(power.get('rail', {}))}"


def reading_of(power: Mapping[str, Any], temperature: Mapping[str, Any]) -> Reading:
    """Return watts and the highest temperature from jtop's mW and °C."""
    milliwatts = power.get("tot", {}).get("power")
    degrees = [each["temp"] for each in temperature.values() if each.get("online", True)]
    values = {"temperature_c": float(max(degrees))} if degrees else {}
    return Reading(None if milliwatts is None else milliwatts / 1000, values)
