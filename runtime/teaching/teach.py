"""From examples and ordinary footage to a calibration whose evidence was learnt."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import Manifest, SamplingSpec
from ..decisions.calibration import Calibration
from ..decisions.calibrator import Calibrator, calibration_of
from ..decisions.detector import Detector, Feature, Taught
from ..decisions.footage import SeenWindows
from ..decisions.operating_point import OrdinaryFootage
from ..decisions.policy import Policy
from ..errors import CalibrationError
from ..labels.labels import Label
from .scenes import discriminants

Array = npt.NDArray[Any]

# Ordinary windows [N, F] and the examples' windows of each of T labels to weights [T + K, F] and
# offsets [T + K]: of their logits, and of those of K kinds that compete with them.
Fit = Callable[[Array, Sequence[Array]], tuple[Array, Array]]

# Each part of the footage gets its evidence from a detector that was taught without it.
_PARTS = 5
# Six digits of a logit are more than single precision has.
_DIGITS = 6


class Teacher:
    """Learns from examples and ordinary footage, once for all rates.

    Without examples it gives what `Calibrator` gives; labels that have none are decided on by their
    odds.
    """

    def __init__(
        self,
        labels: Sequence[Label],
        ordinary: SeenWindows,
        examples: Mapping[str, Sequence[Array]],
        *,
        manifest: Manifest,
        policy: Policy,
        sampling: SamplingSpec,
        fit: Fit = discriminants,
    ) -> None:
        """Learn.

        Args:
            labels: all labels that are scored, in the order of the similarities.
            ordinary: windows that show none of the actions.
            examples: similarities [n, R] of the windows of each clip, by the name of its action.
            manifest: of the bundle that scores.
            policy: what makes an event.
            sampling: of the windows.
            fit: what learns; see benchmarks/detectors.py for others.

        Raises:
            CalibrationError: examples are of no action or hold no window, or there is too little
                footage.
        """
        self._actions = [label.name for label in labels if label.role == "action"]
        if strange := [name for name in examples if name not in self._actions]:
            raise CalibrationError(
                f"There are examples of {strange[0]!r:.80}, which is none of the actions: give it "
                "a label, or leave them out."
            )
        if empty := [name for name, clips in examples.items() if not clips]:
            raise CalibrationError(
                f"The examples of {empty[0]!r:.80} hold no window: give longer clips, or leave "
                "them out."
            )
        self._manifest, self._policy, self._sampling = manifest, policy, sampling
        self._counts = [len(examples.get(name, ())) for name in self._actions]
        self._untaught = Calibrator(
            labels, manifest, policy, sampling=sampling, scale=ordinary.scale
        )
        self._untaught.add_all(ordinary)
        if not examples:
            return
        self._untaught.check_length()  # too little footage teaches nothing
        rows = ordinary.similarities
        self._detector = _taught(labels, rows, examples, ordinary.scale, fit)
        self._footage = OrdinaryFootage(self._actions, policy, sampling=sampling, own_share=0)
        evidence = iter(_of_others(labels, rows, examples, ordinary.scale, fit, sampling.frames))
        for source, (times, _) in ordinary.of_source.items():
            for time_s in times:
                self._footage.add(source, time_s, next(evidence))

    def thresholds(self, false_alarms_per_day: float) -> Calibration:
        """Return the calibration for a rate of events on ordinary footage, all labels together.

        Raises:
            CalibrationError: the footage is too short, or the rate is not a positive number.
        """
        if not any(self._counts):
            return self._untaught.thresholds(false_alarms_per_day)
        return calibration_of(
            self._detector,
            self._footage.find(false_alarms_per_day),
            manifest=self._manifest,
            policy=self._policy,
            sampling=self._sampling,
            hours=self._footage.hours,
            false_alarms_per_day=false_alarms_per_day,
            examples=self._counts,
        )


def _taught(
    labels: Sequence[Label],
    ordinary: Array,
    examples: Mapping[str, Sequence[Array]],
    scale: float,
    fit: Fit,
) -> Detector:
    clips = [np.concatenate(list(examples[name])) for name in examples]
    weights, offsets = fit(ordinary, clips)
    return Detector(
        features=tuple(Feature.of(label) for label in labels),
        scale=scale,
        taught=Taught(
            labels=tuple(examples),
            weights=tuple(tuple(_short(value) for value in row) for row in weights.tolist()),
            offsets=tuple(map(_short, offsets.tolist())),
        ),
    )


def _of_others(
    labels: Sequence[Label],
    ordinary: Array,
    examples: Mapping[str, Sequence[Array]],
    scale: float,
    fit: Fit,
    frames: int,
) -> Array:
    """Return the evidence of ordinary windows [N, C], by detectors that were taught without them.

    Windows of other parts that share a frame with one are left out, too.
    """
    parts = []
    for part in np.array_split(np.arange(len(ordinary)), _PARTS):
        others = np.ones(len(ordinary), bool)
        others[max(0, part[0] - frames) : part[-1] + 1 + frames] = False
        detector = _taught(labels, ordinary[others], examples, scale, fit)
        parts.append(detector.bind(labels).of(ordinary[part]))
    return np.concatenate(parts)


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
