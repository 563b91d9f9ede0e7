"""An NVIDIA card through NVML: memory, utilisation, power, temperature, clocks, throttling."""

import contextlib
from collections.abc import Callable
from typing import Any

from .instrument import AbsentError, Reading, State

_MIB = 2**20
# Bits of NVML's throttle reasons: 1 is idle, the others slow work down.
_IDLE = 0x1


class Nvml:
    """The first NVIDIA card; see `instrument.Instrument`."""

    name = "nvml"
    measures = "the GPU's board"

    def __init__(self) -> None:
        """Open it; raise AbsentError if nvidia-ml-py is not installed, or no card has a driver."""
        try:
            import pynvml
        except ImportError as error:
            raise AbsentError("nvidia-ml-py is not installed") from error
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._card: Any = pynvml.nvmlDeviceGetHandleByIndex(0)
        except pynvml.NVMLError as error:
            raise AbsentError(f"no NVIDIA card answers ({error})") from error

    def read(self) -> Reading:
        nvml, card = self._nvml, self._card
        milliwatts = self._ask(lambda: nvml.nvmlDeviceGetPowerUsage(card))
        asked: dict[str, Callable[[], float]] = {
            "gpu_percent": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu,
            "gpu_memory_mib": lambda: nvml.nvmlDeviceGetMemoryInfo(card).used / _MIB,
            "temperature_c": lambda: nvml.nvmlDeviceGetTemperature(card, 0),
            "gpu_mhz": lambda: nvml.nvmlDeviceGetClockInfo(card, 1),
        }
        values = {name: self._ask(question) for name, question in asked.items()}
        return Reading(
            None if milliwatts is None else milliwatts / 1000,
            {name: float(value) for name, value in values.items() if value is not None},
        )

    def state(self) -> State:
        nvml, card = self._nvml, self._card
        reasons = self._ask(lambda: nvml.nvmlDeviceGetCurrentClocksThrottleReasons(card))
        power = self._ask(lambda: nvml.nvmlDeviceGetPowerManagementLimit(card))
        held_back = {} if reasons is None else {"throttle_reasons": hex(int(reasons) & ~_IDLE)}
        limit = {} if power is None else {"power_limit_w": power / 1000}
        return {**self.read().values, **held_back, **limit}

    def close(self) -> None:
        with contextlib.suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()

    def _ask(self, question: Callable[[], float]) -> float | None:
        try:
            return question()
        except self._nvml.NVMLError:
            return None
