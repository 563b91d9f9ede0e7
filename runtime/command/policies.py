"""What makes decisions in each source of a run, by the command's options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..bundle.manifest import Manifest, SamplingSpec
from ..decisions.calibration import Calibration
from ..decisions.policy import Policy
from ..errors import CalibrationError
from ..labels.labels import Label
from ..scoring.scorer import Scorer
from ..sources.spec import SourceSpec
from ..terminal.commandline import log

# The policy for labels, which may be others later.
PolicyFor = Callable[[Sequence[Label]], Policy]


def policies_of(
    specs: Sequence[SourceSpec],
    scorer: Scorer,
    manifest: Manifest,
    policy: Policy,
    *,
    calibration: Path | None,
    sampling_of: Callable[[SourceSpec], SamplingSpec],
) -> dict[str, PolicyFor]:
    """Return what makes decisions in each source, by its name.

    Args:
        specs: the sources.
        scorer: whose labels are in use at first.
        manifest: of the bundle.
        policy: that of the run; a source's own threshold goes before it.
        calibration: the run's file of thresholds; a source's own goes before it.
        sampling_of: how a source is looked at.

    Raises:
        CalibrationError: a calibration cannot be read, or is not of this run.
    """
    calibrations: dict[Path, Calibration] = {}
    policies: dict[str, PolicyFor] = {}
    warnings: dict[str, None] = {}  # each is said once
    for spec in specs:
        own = with_score(policy, spec.threshold) if spec.threshold else policy
        labels = scorer.labels_in(spec.name)
        path = spec.calibration or calibration
        if path is None:
            policies[spec.name] = lambda _labels, own=own: own
            warning = own.warning(len(labels))
        else:
            if path not in calibrations:
                calibrations[path] = Calibration.read(path)
            apply = _applied(calibrations[path], own, manifest, sampling_of(spec))
            apply(labels)  # what cannot be applied is refused before anything is opened
            policies[spec.name] = _or_nothing(apply, own)
            warning = calibrations[path].caution
        if warning:
            warnings[warning] = None
    for warning in warnings:
        log.warning("%s", warning)
    return policies


def policy_of(options: Mapping[str, Any]) -> Policy:
    """Return what makes decisions and events, by the command's options.

    Raises:
        StzsarError: they are no policy.
    """
    given = {name: options[name] for name in ("min_length_s", "cool_down_s")}
    policy = Policy(**{name: value for name, value in given.items() if value is not None})
    return with_score(policy, options["threshold"]) if options["threshold"] else policy


def with_score(policy: Policy, score: float) -> Policy:
    """Return the policy with another score to decide from, and the lower one in proportion."""
    keep = min(policy.keep_score, score * policy.keep_score / policy.score)
    return replace(policy, score=score, keep_score=keep)


def _applied(
    calibration: Calibration, policy: Policy, manifest: Manifest, sampling: SamplingSpec
) -> PolicyFor:
    return lambda labels: calibration.apply(policy, manifest, labels, sampling=sampling)


def _or_nothing(apply: PolicyFor, policy: Policy) -> PolicyFor:
    """Return a policy that decides on nothing where labels come that no calibration knows."""

    def policy_for(labels: Sequence[Label]) -> Policy:
        try:
            return apply(labels)
        except CalibrationError as error:
            log.warning("Nothing is decided on: %s", error)
            return replace(policy, thresholds={})

    return policy_for
