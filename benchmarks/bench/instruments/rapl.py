"""A PC's processor through RAPL, the energy counters of Intel's and AMD's packages."""

import time
from pathlib import Path

from .instrument import AbsentError, Reading, State

_POWERCAP = Path("/sys/class/powercap")


class Rapl:
    """All processor packages together; see `instrument.Instrument`."""

    name = "rapl"
    measures = "the processor's packages"

    def __init__(self, folder: Path = _POWERCAP) -> None:
        """Find the packages' counters.

        Raises:
            AbsentError: `folder` has none, or only root may read them.
        """
        # intel-rapl:0 is a package (of AMD too), intel-rapl:0:0 a part of it.
        packages = sorted(path for path in folder.glob("intel-rapl:*") if path.name.count(":") == 1)
        if not packages:
            raise AbsentError("this kernel shows no energy counters of the processor")
        try:
            self._counters = [
                (path / "energy_uj", int((path / "max_energy_range_uj").read_text()))
                for path in packages
            ]
            self._before = self._look()
        except (OSError, ValueError) as error:
            raise AbsentError(f"only root may read {packages[0]}/energy_uj") from error

    def read(self) -> Reading:
        (before_s, before), self._before = self._before, self._look()
        now_s, now = self._before
        used_uj = sum(
            (late - early) % (most + 1)  # a counter wraps to 0
            for early, late, (_, most) in zip(before, now, self._counters, strict=True)
        )
        passed_s = now_s - before_s
        return Reading(used_uj / 1e6 / passed_s if passed_s > 0 else None)

    def state(self) -> State:
        """Return nothing: RAPL has no modes."""
        return {}

    def close(self) -> None:
        """Nothing to close."""

    def _look(self) -> tuple[float, list[int]]:
        return time.monotonic(), [int(path.read_text()) for path, _ in self._counters]
