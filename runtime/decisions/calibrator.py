"""Finds thresholds on ordinary footage of a site, which shows none of the actions."""

import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import Manifest, SamplingSpec
from ..errors import CalibrationError
from ..labels.labels import Label
from .calibration import Calibration, EventRules, LabelThreshold, graphs_of, identity_of
from .peaks import Peaks
from .policy import Policy
from .tails import MIN_BLOCKS, fit_tails

Array = npt.NDArray[Any]

# Longer than one incident, and short enough that ten minutes of footage suffice.
_BLOCK_S = 10.0
_BLOCK_WINDOWS = 4

log = logging.getLogger(__name__)


class Calibrator:
    """Collects similarities window by window, for any number of hours, and computes thresholds.

    Each label gets an equal part of the rate of false alarms, which counts how often its similarity
    alone makes an event. Real false alarms are fewer: the score must pass too, and there is one
    action at a time. The footage should show none of the actions: if it shows one, that raises
    the label's threshold.
    """

    def __init__(
        self, labels: Sequence[Label], manifest: Manifest, policy: Policy, *, sampling: SamplingSpec
    ) -> None:
        """Begin.

        Args:
            labels: C labels, in the order of the similarities.
            manifest: of the bundle that scores.
            policy: what makes an event; its thresholds and scores are ignored.
            sampling: frames of a window, and their rate.
        """
        self._labels = tuple(labels)
        self._policy = policy
        self._graphs = graphs_of(manifest)
        self._sampling = sampling
        window_s = self._sampling.window_s
        block_s = max(_BLOCK_S, _BLOCK_WINDOWS * window_s, policy.cool_down_s)
        apart_s = max(window_s, policy.cool_down_s)
        self._peaks = Peaks(len(labels), policy, block_s=block_s, apart_s=apart_s)

    @property
    def hours(self) -> float:
        """Length of the footage so far, without gaps and the first window of each piece."""
        return self._peaks.seconds / 3600

    @property
    def needed_hours(self) -> float:
        """How much footage thresholds require."""
        return MIN_BLOCKS * self._peaks.block_s / 3600

    def add(self, source: str, time_s: float, similarities: Array) -> None:
        """Add the next window of a source, by its end in seconds; sources may take turns.

        Similarities are those of all labels, [C]: logits / scale.
        """
        if similarities.shape != (len(self._labels),) or not np.isfinite(similarities).all():
            raise ValueError(f"{len(self._labels)} finite similarities, got {similarities!r:.80}")
        self._peaks.add(source, time_s, 1 / self._sampling.rate_fps, similarities)

    def end(self, source: str) -> None:
        """End a source, and release what is kept for it."""
        self._peaks.end(source)

    def thresholds(self, false_alarms_per_day: float) -> Calibration:
        """Return thresholds with which such footage gives this many events, all labels together.

        Raises:
            CalibrationError: the footage is too short, or the rate is not a positive number.
        """
        if not (math.isfinite(false_alarms_per_day) and false_alarms_per_day > 0):
            raise CalibrationError(
                f"The rate of false alarms is {false_alarms_per_day!r} a day: give a number above "
                "0, such as 1, or 0.1 for one in ten days."
            )
        peaks = self._peaks.highest()
        # Pieces shorter than an event add time and no peaks.
        if self.hours < self.needed_hours or peaks.shape[1] < MIN_BLOCKS // 2:
            raise CalibrationError(
                f"There are {60 * self.hours:.1f} minutes of footage in full windows, and "
                f"thresholds require {math.ceil(60 * self.needed_hours)} without many gaps: "
                "give more footage of ordinary days."
            )
        mean = self._peaks.total / self._peaks.windows
        tails = fit_tails(peaks, self._peaks.blocks, mean)
        if (still := int(tails.still.sum())) > 0:
            log.warning(
                "The similarity of %d of %d labels does not change in this footage, so their "
                "thresholds are guesses: give footage in which something happens.",
                still,
                len(self._labels),
            )
        events = false_alarms_per_day / 24 * self.hours / len(self._labels)
        return Calibration(
            graphs=self._graphs,
            sampling=self._sampling,
            hours=self.hours,
            false_alarms_per_day=false_alarms_per_day,
            rules=EventRules.of(self._policy),
            thresholds=tuple(
                LabelThreshold(label.name, identity_of(label), round(float(threshold), 6))
                for label, threshold in zip(self._labels, tails.thresholds(events), strict=True)
            ),
        )
