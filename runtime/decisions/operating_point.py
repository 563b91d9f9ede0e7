"""Thresholds of evidence for a rate of false alarms, counted as events on ordinary footage."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import SamplingSpec
from ..errors import CalibrationError
from ..results import ActionEvent, AllScores, Recognition
from .detector import Given
from .events import Decider
from .peaks import GAP_INTERVALS, Peaks
from .policy import KEEP_EVIDENCE, Policy
from .tails import MIN_BLOCKS, fit_tail

Array = npt.NDArray[Any]

# Longer than one incident, and short enough that ten minutes of footage suffice.
_BLOCK_S = 10.0
_BLOCK_WINDOWS = 4
# Fewer events are not counted: their number says too little, and the tail goes on from here.
_COUNTED = 10
# The tail of the peaks may be so many times too careful, or too bold.
_FACTORS = np.geomspace(0.05, 64, 512)
# The share of blocks whose peaks tell a label's level and scale; scales below are those of a still.
_HIGH_SHARE, _LEAST_SCALE = 0.2, 0.05
# Windows of a stream that has decided on nothing for so long change nothing.
_QUIET_S = 4.0
_SPANS, _DEVIATES = 20, 1.645  # nine of ten


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds, and what they promise.

    Attributes:
        thresholds: of each label's evidence, [C].
        between: false alarms a day, all labels together, in nine of ten cases.
        still: whether nothing changes in the footage.
    """

    thresholds: Array
    between: tuple[float, float]
    still: bool


class OrdinaryFootage:
    """The evidence of ordinary footage, window by window, on which events can be counted.

    It remembers the evidence of all windows: a day at four a second takes 14 MB for ten labels.
    """

    def __init__(
        self, names: Sequence[str], policy: Policy, *, sampling: SamplingSpec, own_share: float
    ) -> None:
        """Begin.

        Args:
            names: of the C labels.
            policy: what makes an event.
            sampling: frames of a window, and their rate.
            own_share: how much a label's threshold follows its own evidence on the footage, 0
                (one threshold for all) to 1 (each label sounds as many false alarms).
        """
        self._names, self._policy, self._sampling = tuple(names), policy, sampling
        self._own_share = own_share
        self._windows: dict[str, tuple[list[float], list[Array]]] = {}
        self._stacks: dict[str, Array] = {}
        self._fitted: tuple[Array, Array, Peaks] | None = None
        self._seconds = 0.0
        self._usual_s: dict[str, float] = {}

    @property
    def hours(self) -> float:
        """Length of the footage so far, without gaps and the first window of each piece."""
        return self._seconds / 3600

    @property
    def needed_hours(self) -> float:
        """How much footage thresholds require."""
        return MIN_BLOCKS * self._block_s / 3600

    def check_length(self) -> None:
        """Refuse footage that is too short for thresholds.

        Raises:
            CalibrationError: it is.
        """
        if self.hours < self.needed_hours:
            raise self._too_short()

    def _too_short(self) -> CalibrationError:
        return CalibrationError(
            f"There are {60 * self.hours:.1f} minutes of footage in full windows, and thresholds "
            f"require {math.ceil(60 * self.needed_hours)} without many gaps: give more footage of "
            "ordinary days."
        )

    @property
    def _block_s(self) -> float:
        return max(_BLOCK_S, _BLOCK_WINDOWS * self._sampling.window_s, self._policy.cool_down_s)

    def add(self, source: str, time_s: float, evidence: Array) -> None:
        """Add the evidence [C] of the next window of a source; sources may take turns."""
        if evidence.shape != (len(self._names),) or not np.isfinite(evidence).all():
            raise ValueError(f"evidence for {len(self._names)} labels, got {evidence!r:.80}")
        times, rows = self._windows.setdefault(source, ([], []))
        if times:
            passed_s = time_s - times[-1]
            interval_s = max(1 / self._sampling.rate_fps, self._usual_s.get(source, 0.0))
            joined = 0 <= passed_s <= GAP_INTERVALS * interval_s
            self._seconds += passed_s if joined else 0.0
            self._usual_s[source] = passed_s if joined else 0.0
        times.append(time_s)
        rows.append(evidence.astype(np.float32))
        self._fitted = None

    def find(self, false_alarms_per_day: float) -> OperatingPoint:
        """Return thresholds with which such footage gives this many events, all labels together.

        Events are counted, as a run would report them. Where the footage shows too few for the rate
        asked for, the tail of its peaks goes on from the last that can be counted.

        Raises:
            CalibrationError: the footage is too short, or the rate is not a positive number.
        """
        if not (math.isfinite(false_alarms_per_day) and false_alarms_per_day > 0):
            raise CalibrationError(
                f"The rate of false alarms is {false_alarms_per_day!r} a day: give a number above "
                "0, such as 1, or 0.1 for one in ten days."
            )
        self.check_length()
        if self._fitted is None:
            level, scale = self._normal()
            self._fitted = level, scale, self._peaks(level, scale)
        level, scale, peaks = self._fitted
        highest = peaks.highest()
        # Pieces shorter than an event add time and no peaks.
        if len(highest) < MIN_BLOCKS // 2:
            raise self._too_short()
        tail = fit_tail(highest, peaks.blocks)
        asked = false_alarms_per_day / 24 * self.hours

        def thresholds(events: float) -> Array:
            return level + scale * tail.threshold(events)

        found = thresholds(self._factor(thresholds, max(asked, _COUNTED)) * asked)
        if asked < _COUNTED:
            # The scale of a tail is known as well as so many peaks tell it.
            spread = math.log(tail.passed / asked) / tail.high**0.5 + 1 / _COUNTED**0.5
            low, high = math.exp(-_DEVIATES * spread), math.exp(_DEVIATES * spread)
        else:
            low, high = _poisson(asked, self._clustering(found))
        per_day = false_alarms_per_day
        return OperatingPoint(found, (low * per_day, high * per_day), tail.still)

    def _normal(self) -> tuple[Array, Array]:
        """Return what makes labels alike: a level of each, and a scale, [C]."""
        blocks = max(1, round(self._block_s * self._sampling.rate_fps))
        maxima = []
        for source in self._windows:
            evidence = self._stacked(source)
            starts = np.arange(0, len(evidence), blocks)
            maxima.append(np.maximum.reduceat(evidence, starts, axis=0))
        ordered = -np.sort(-np.concatenate(maxima).astype(np.float64), axis=0)
        high = max(1, round(_HIGH_SHARE * len(ordered)))
        level = ordered[min(high, len(ordered) - 1)]
        scale = np.maximum((ordered[:high] - level).mean(axis=0), _LEAST_SCALE)
        own = self._own_share
        return (
            own * level + (1 - own) * level.mean(),
            np.exp(own * np.log(scale) + (1 - own) * np.log(scale).mean()),
        )

    def _stacked(self, source: str) -> Array:
        """Return the evidence of a source so far, float32 [N, C]; stacked once."""
        rows, stack = self._windows[source][1], self._stacks.get(source)
        if stack is None or len(stack) < len(rows):
            stack = self._stacks[source] = np.stack(rows)
        return stack

    def _peaks(self, level: Array, scale: Array) -> Peaks:
        peaks = Peaks(
            self._policy,
            KEEP_EVIDENCE / scale,
            block_s=self._block_s,
            apart_s=max(self._sampling.window_s, self._policy.cool_down_s),
        )
        for source, (times, _) in self._windows.items():
            normal = (self._stacked(source) - level) / scale
            for time_s, row in zip(times, normal.astype(np.float32), strict=True):
                peaks.add(source, time_s, 1 / self._sampling.rate_fps, row)
            peaks.end(source)
        return peaks

    def _factor(self, thresholds: Callable[[float], Array], events: float) -> float:
        """Return by what the rate of the tail must be multiplied to give so many events."""
        low, high = 0, len(_FACTORS) - 1
        while low < high:
            middle = (low + high) // 2
            if len(self._alarms(thresholds(_FACTORS[middle] * events))) >= events:
                high = middle
            else:
                low = middle + 1
        # Where nothing moves there is nothing to count.
        return 1.0 if low == len(_FACTORS) - 1 else float(_FACTORS[low])

    def _alarms(self, thresholds: Array) -> list[float]:
        """Return when each event starts, as a share of the windows of all sources."""
        policy = self._policy.by_evidence(
            Given(self._names), dict(zip(self._names, thresholds.tolist(), strict=True))
        )
        alarms: list[float] = []
        before, total = 0, sum(len(times) for times, _ in self._windows.values())
        for source, (times, _) in self._windows.items():
            evidence = self._stacked(source)
            for row, event in events_in(policy, source, times, evidence, self._sampling):
                if event.event == "start":
                    alarms.append((before + row) / total)
            before += len(times)
        return alarms

    def _clustering(self, thresholds: Array) -> float:
        """Return how many times more the number of events varies than by chance alone."""
        counts, _ = np.histogram(self._alarms(thresholds), bins=_SPANS, range=(0, 1))
        mean = float(counts.mean())
        return max(1.0, float(counts.var(ddof=1)) / mean) if mean else 1.0


def events_in(
    policy: Policy, source: str, times_s: Sequence[float], evidence: Array, sampling: SamplingSpec
) -> list[tuple[int, ActionEvent]]:
    """Return the events of a source whose evidence is known, and the windows that report them.

    Args:
        policy: with thresholds of the evidence for its `names`.
        source: what the events call it.
        times_s: the ends of its N windows.
        evidence: of each window, [N, C].
        sampling: of the windows.
    """
    names, length_s = policy.names, (sampling.frames - 1) / sampling.rate_fps
    near = policy.may_stay(evidence - policy.levels.astype(np.float32))
    after = math.ceil((policy.cool_down_s + _QUIET_S) * sampling.rate_fps)
    reach = np.convolve(near, np.ones(after + 1, int))[: len(near)] > 0
    decider, nothing = Decider(policy, source), np.zeros(len(names))
    events: list[tuple[int, ActionEvent]] = []
    for row in np.flatnonzero(reach).tolist():
        time_s = times_s[row]
        window = Recognition(
            source,
            time_s - length_s,
            time_s,
            sampling.frames,
            (),
            rate_fps=sampling.rate_fps,
            everything=AllScores(names, nothing, evidence[row]),
        )
        events += [(row, event) for event in decider.follow(window)[1]]
    return [*events, *((len(times_s) - 1, event) for event in decider.finish())]


def _poisson(events: float, clustering: float) -> tuple[float, float]:
    """Return how many times fewer or more there may be, if so many were counted.

    The quantiles of a gamma distribution, by Wilson and Hilferty.
    """
    count = max(1.0, events / clustering)
    base, step = 1 - 1 / (9 * count), _DEVIATES / (3 * count**0.5)
    return max(0.0, base - step) ** 3, (base + step) ** 3
