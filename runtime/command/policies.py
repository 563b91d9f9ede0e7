"""The policy of each source of a run: thresholds of the run, of the source, of a calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..bundle.manifest import Manifest, SamplingSpec
from ..decisions.calibration import Calibration
from ..labels.labels import Label, identity_of
from ..labels.rules import check_rules
from ..scoring.scorer import Scorer
from ..sources.spec import SourceSpec
from ..streams.lane import PolicyFor
from ..terminal.commandline import log
from .options import DecisionOptions


def context_of(
    specs: Sequence[SourceSpec], options: DecisionOptions
) -> tuple[dict[Path, Calibration], tuple[Label, ...]]:
    """Return the calibrations of a run by their files, and the labels that they measure with.

    Raises:
        CalibrationError: a file cannot be read.
    """
    paths = {spec.calibration or options.calibration for spec in specs}
    calibrations = {path: Calibration.read(path) for path in paths if path}
    measured = [label for own in calibrations.values() for label in own.context]
    by_identity = {identity_of(label): label for label in measured}
    return calibrations, tuple(by_identity.values())


def policies_of(
    specs: Sequence[SourceSpec],
    scorer: Scorer,
    manifest: Manifest,
    options: DecisionOptions,
    samplings: Mapping[str, SamplingSpec],
    calibrations: Mapping[Path, Calibration],
) -> dict[str, PolicyFor]:
    """Return the policy of each source, by its name.

    Args:
        specs: the sources; their thresholds and calibrations override the run's.
        scorer: the labels in use at first.
        manifest: the bundle's.
        options: the run's threshold and calibration.
        samplings: how each source is sampled, by its name.
        calibrations: by their files, see `context_of`.

    Raises:
        CalibrationError: a calibration does not fit this run.
        LabelError: a rule is for a label that no source has.
    """
    known = (label.name for spec in specs for label in scorer.labels_in(spec.name))
    check_rules((spec.rules for spec in specs), known)
    policies: dict[str, PolicyFor] = {}
    warnings: dict[str, None] = {}  # each appears once
    for spec in specs:
        own = options.policy.with_score(spec.threshold) if spec.threshold else options.policy
        own = replace(own, rules=spec.rules)
        labels = scorer.labels_in(spec.name)
        path = spec.calibration or options.calibration
        if path is None:
            policies[spec.name] = lambda _labels, own=own: own
            warning = own.warning(len(labels))
        else:
            policies[spec.name] = calibrations[path].policy_for(
                own, manifest, labels, sampling=samplings[spec.name]
            )
            warning = calibrations[path].caution
        if warning:
            warnings[warning] = None
    for warning in warnings:
        log.warning("%s", warning)
    return policies
