"""Finds thresholds on ordinary footage of a site, which shows none of the actions."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import Manifest, SamplingSpec
from ..labels.labels import Label
from .calibration import Calibration, EventRules, LabelThreshold, graphs_of, identity_of
from .detector import Detector, Feature
from .footage import SeenWindows
from .operating_point import OperatingPoint, OrdinaryFootage
from .policy import Policy

Array = npt.NDArray[Any]

# How much a label's threshold follows its own evidence on ordinary footage, see OrdinaryFootage:
# chosen on MovingShapes, where 0 and 1 find fewer actions.
_OWN_SHARE = 0.5

log = logging.getLogger(__name__)


class Calibrator:
    """Collects similarities window by window, and computes thresholds of evidence.

    The evidence for a label are its log odds against all others, those to ignore among them. The
    footage should show none of the actions: if it shows one, that raises the label's threshold.
    """

    def __init__(
        self,
        labels: Sequence[Label],
        manifest: Manifest,
        policy: Policy,
        *,
        sampling: SamplingSpec,
        scale: float,
    ) -> None:
        """Begin.

        Args:
            labels: R labels, in the order of the similarities; those that are actions get
                thresholds.
            manifest: of the bundle that scores.
            policy: what makes an event; its thresholds and scores are ignored.
            sampling: frames of a window, and their rate.
            scale: of the bundle: logits for each unit of similarity.
        """
        features = tuple(Feature.of(label) for label in labels)
        self._detector = Detector(features=features, scale=scale)
        self._bound = self._detector.bind(labels)
        self._labels, self._manifest, self._policy = tuple(labels), manifest, policy
        self._sampling = sampling
        self._footage = OrdinaryFootage(
            self._bound.names, policy, sampling=sampling, own_share=_OWN_SHARE
        )

    @property
    def hours(self) -> float:
        """Length of the footage so far, without gaps and the first window of each piece."""
        return self._footage.hours

    @property
    def needed_hours(self) -> float:
        """How much footage thresholds require."""
        return self._footage.needed_hours

    def add(self, source: str, time_s: float, similarities: Array) -> None:
        """Add the next window of a source, by its end in seconds; sources may take turns.

        Similarities are those of all labels, [R]: logits / scale.
        """
        if similarities.shape != (len(self._labels),) or not np.isfinite(similarities).all():
            raise ValueError(f"{len(self._labels)} finite similarities, got {similarities!r:.80}")
        self._footage.add(source, time_s, self._bound.of(similarities))

    def add_all(self, seen: SeenWindows) -> None:
        """Add all windows that were seen."""
        for source, (times, rows) in seen.of_source.items():
            for time_s, evidence in zip(times, self._bound.of(np.stack(rows)), strict=True):
                self._footage.add(source, time_s, evidence)

    def check_length(self) -> None:
        """Refuse footage that is too short for thresholds.

        Raises:
            CalibrationError: it is.
        """
        self._footage.check_length()

    def thresholds(self, false_alarms_per_day: float) -> Calibration:
        """Return thresholds with which such footage gives this many events, all labels together.

        Raises:
            CalibrationError: the footage is too short, or the rate is not a positive number.
        """
        found = self._footage.find(false_alarms_per_day)
        return calibration_of(
            self._detector,
            found,
            manifest=self._manifest,
            policy=self._policy,
            sampling=self._sampling,
            hours=self.hours,
            false_alarms_per_day=false_alarms_per_day,
        )


def calibration_of(
    detector: Detector,
    found: OperatingPoint,
    *,
    manifest: Manifest,
    policy: Policy,
    sampling: SamplingSpec,
    hours: float,
    false_alarms_per_day: float,
    examples: Sequence[int] = (),
) -> Calibration:
    """Put together what a calibration holds; `examples` are how many taught each action."""
    if found.still:
        log.warning(
            "Nothing changes in this footage, so the thresholds are guesses: give footage in which "
            "something happens."
        )
    actions = [label for label in detector.labels if label.role == "action"]
    counts = examples or [0] * len(actions)
    return Calibration(
        graphs=graphs_of(manifest),
        sampling=sampling,
        hours=hours,
        false_alarms_per_day=false_alarms_per_day,
        between=(round(found.between[0], 3), round(found.between[1], 3)),
        rules=EventRules.of(policy),
        detector=detector,
        thresholds=tuple(
            LabelThreshold(label.name, identity_of(label), round(float(threshold), 6), count)
            for label, threshold, count in zip(actions, found.thresholds, counts, strict=True)
        ),
    )
