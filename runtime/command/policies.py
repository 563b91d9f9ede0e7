"""The policy of each source of a run: thresholds of the run, of the source, of a calibration."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..bundle.manifest import Manifest, SamplingSpec
from ..decisions.calibration import Calibration
from ..scoring.scorer import Scorer
from ..sources.spec import SourceSpec
from ..streams.lane import PolicyFor
from ..terminal.commandline import log
from .options import DecisionOptions


def policies_of(
    specs: Sequence[SourceSpec],
    scorer: Scorer,
    manifest: Manifest,
    options: DecisionOptions,
    samplings: Mapping[str, SamplingSpec],
) -> dict[str, PolicyFor]:
    """Return the policy of each source, by its name.

    Args:
        specs: the sources; their thresholds and calibrations override the run's.
        scorer: the labels in use at first.
        manifest: the bundle's.
        options: the run's threshold and calibration.
        samplings: how each source is sampled, by its name.

    Raises:
        CalibrationError: a calibration cannot be read, or does not fit this run.
    """
    calibrations: dict[Path, Calibration] = {}
    policies: dict[str, PolicyFor] = {}
    warnings: dict[str, None] = {}  # each appears once
    for spec in specs:
        own = options.policy.with_score(spec.threshold) if spec.threshold else options.policy
        labels = scorer.labels_in(spec.name)
        path = spec.calibration or options.calibration
        if path is None:
            policies[spec.name] = lambda _labels, own=own: own
            warning = own.warning(len(labels))
        else:
            if path not in calibrations:
                calibrations[path] = Calibration.read(path)
            policies[spec.name] = calibrations[path].policy_for(
                own, manifest, labels, sampling=samplings[spec.name]
            )
            warning = calibrations[path].caution
        if warning:
            warnings[warning] = None
    for warning in warnings:
        log.warning("%s", warning)
    return policies
