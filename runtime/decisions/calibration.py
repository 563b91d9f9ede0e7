"""The file of thresholds that calibration on a site's footage gives, and later runs apply."""

import dataclasses
import json
import logging
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ..atomic import write_file
from ..bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH
from ..bundle.manifest import Manifest, SamplingSpec
from ..documents import (
    MIB,
    DocumentError,
    FiniteFloat,
    NotNegativeFloat,
    PositiveFloat,
    from_json,
    read_file,
)
from ..errors import CalibrationError
from ..labels.labels import MAX_LABELS, MAX_NAME_CHARACTERS, Label, actions, identity_of
from ..labels.names import name_key, nearest_names
from .detector import Detector
from .policy import Policy

CALIBRATION_VERSION = 2
MAX_FILE_BYTES = 16 * MIB
_NAMED = 3
_DAY_H = 24

log = logging.getLogger(__name__)


class LabelThreshold(Struct, frozen=True):
    """What one label must pass."""

    label: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]  # its name
    # Of its text and attributes; with others, its similarities would be others
    identity: Annotated[str, Meta(max_length=64)]
    threshold: FiniteFloat  # of its evidence; in files of version 1 of its similarity
    examples: Annotated[int, Meta(ge=0, le=10**6)] = 0  # how many clips taught it


class EventRules(Struct, frozen=True, kw_only=True):
    """What decides how many events there are, beside the thresholds; see `Policy`."""

    min_length_s: Annotated[float, Meta(ge=0, le=1e9)]
    cool_down_s: Annotated[float, Meta(ge=0, le=1e9)]
    keep_similarity: Annotated[float, Meta(gt=0, le=1)]

    @classmethod
    def of(cls, policy: Policy) -> "EventRules":
        """Take the rules from a policy."""
        return msgspec.convert(policy, cls, from_attributes=True)


_RULES = {
    "min_length_s": "minimum length in seconds",
    "cool_down_s": "pause in seconds",
    "keep_similarity": "lower bound of similarity",
}
_ON_DISK = {
    "graphs": "bundle",
    "hours": "footage_hours",
    "rules": "events",
    "thresholds": "labels",
}


class Calibration(Struct, frozen=True, kw_only=True, rename=_ON_DISK):
    """Thresholds, and all that they depend on."""

    calibration_version: int = CALIBRATION_VERSION
    # The sha256 of the frame graph and the window graph
    graphs: dict[str, Annotated[str, Meta(max_length=64)]]
    sampling: SamplingSpec  # frames of a window and windows per second
    hours: PositiveFloat  # length of the footage
    # Events, of all labels together, that such footage gives at most
    false_alarms_per_day: PositiveFloat
    # How many there are in nine of ten cases; None in files of version 1
    between: tuple[NotNegativeFloat, NotNegativeFloat] | None = None
    rules: EventRules  # what makes an event
    # Turns similarities into evidence; None in files of version 1, whose thresholds are of
    # similarities
    detector: Detector | None = None
    # Of each label
    thresholds: Annotated[tuple[LabelThreshold, ...], Meta(min_length=1, max_length=MAX_LABELS)]

    def __post_init__(self) -> None:
        if set(self.graphs) != {FRAME_GRAPH, WINDOW_GRAPH}:
            raise ValueError("it does not say which bundle it belongs to")
        if len(self._by_name()) < len(self.thresholds):
            raise ValueError("a label has two thresholds")

    @property
    def context(self) -> tuple[Label, ...]:
        """The labels that its detector measures with: score them beside those of a run."""
        return self.detector.labels if self.detector else ()

    @property
    def promise(self) -> str:
        """What rate it is for, on which footage and examples, as a sentence."""
        rate = f"It is for {_plural(self.false_alarms_per_day, 'false alarm')} a day"
        low, high = self.between or (math.nan, math.nan)
        examples = sum(threshold.examples for threshold in self.thresholds)
        taught = f" and {_plural(examples, 'example')}" if examples else ""
        return f"{rate} ({low:.2g} to {high:.2g} in nine of ten cases), from " + (
            f"{_length(self.hours)} of ordinary footage{taught}."
        )

    @property
    def caution(self) -> str | None:
        """A warning if the footage is too short to show the rate that was asked for."""
        needed_h = _DAY_H / self.false_alarms_per_day
        if self.hours >= needed_h:
            return None
        return (
            f"A rate of {_plural(self.false_alarms_per_day, 'false alarm')} a day is extrapolated "
            f"from {_length(self.hours)} of footage, {needed_h / self.hours:.0f} times beyond what "
            f"it shows: calibrate on {_length(needed_h)} or more to be sure."
        )

    def apply(
        self, policy: Policy, manifest: Manifest, labels: Sequence[Label], *, sampling: SamplingSpec
    ) -> Policy:
        """Return the policy with thresholds for these labels.

        A label without a threshold, or whose text or attributes have changed, is never decided on,
        since its false alarms are unknown; a warning names it.

        Raises:
            CalibrationError: it belongs to another bundle, sampling, kind of event, or labels.
        """
        self._check_bundle(manifest, sampling)
        self._check_rules(policy)
        known = self._by_name()
        applied: dict[str, float] = {}
        without: list[str] = []
        for label in actions(labels):
            threshold = known.get(name_key(label.name))
            if threshold and threshold.identity == identity_of(label):
                applied[label.name] = threshold.threshold
            else:
                without.append(label.name)
        if not applied:
            names = [threshold.label for threshold in self.thresholds]
            near = nearest_names(without[0], names, 1)[0]
            raise CalibrationError(
                f"The calibration has no threshold for any of these labels: not for "
                f"{without[0]!r} with its present attributes (it knows {near!r}); calibrate with "
                "the labels of this run."
            )
        if without:
            log.warning(
                "%s: no threshold for %s as it is now, which is scored and never decided on: "
                "calibrate again with these labels.",
                _plural(len(without), "label"),
                _some(without),
            )
        if self.detector is None:
            return dataclasses.replace(policy, thresholds=applied)
        if policy.score != Policy.score:
            raise CalibrationError(
                f"The score threshold {policy.score:g} has no effect with this calibration, whose "
                "own thresholds decide: leave it out."
            )
        return policy.by_evidence(self.detector.bind(labels), applied)

    def policy_for(
        self, policy: Policy, manifest: Manifest, labels: Sequence[Label], *, sampling: SamplingSpec
    ) -> Callable[[Sequence[Label]], Policy]:
        """Return what applies it to labels, and try it with the first ones.

        Labels that are used later and that it does not know are never decided on.

        Raises:
            CalibrationError: see `apply`.
        """
        self.apply(policy, manifest, labels, sampling=sampling)

        def apply_or_nothing(labels: Sequence[Label]) -> Policy:
            try:
                return self.apply(policy, manifest, labels, sampling=sampling)
            except CalibrationError as error:
                log.warning("Nothing is decided on: %s", error)
                return dataclasses.replace(policy, thresholds={}, evidence=None)

        return apply_or_nothing

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all; raise CalibrationError if it cannot be written."""
        document = msgspec.to_builtins(self)
        try:
            write_file(
                path, json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            )
        except OSError as error:
            raise CalibrationError(f"Cannot write {path}: {error.strerror}.") from error

    @classmethod
    def read(cls, path: Path) -> "Calibration":
        """Read a file.

        Raises:
            CalibrationError: it cannot be read, is not a calibration, is of a newer version or
                damaged.
        """
        try:
            content = read_file(path, MAX_FILE_BYTES)
        except OSError as error:
            raise CalibrationError(
                f"Cannot read the calibration {path}: {error.strerror}."
            ) from error
        try:
            version = from_json(content, _Version).calibration_version
        except DocumentError as error:
            raise CalibrationError(
                f"{path} is not a calibration ({error}): make one with stzsar-run --calibrate "
                "FOOTAGE."
            ) from error
        if not 1 <= version <= CALIBRATION_VERSION:
            raise CalibrationError(
                f"{path} has version {version} and this stzsar reads {CALIBRATION_VERSION}: "
                "upgrade stzsar, or calibrate again."
            )
        try:
            if version == 1:
                return from_json(content, _Version1).upgraded()
            return from_json(content, cls)
        except DocumentError as error:
            raise CalibrationError(f"{path} is damaged ({error}): calibrate again.") from error

    def _by_name(self) -> dict[str, LabelThreshold]:
        return {name_key(threshold.label): threshold for threshold in self.thresholds}

    def _check_bundle(self, manifest: Manifest, sampling: SamplingSpec) -> None:
        if any(manifest.files.get(name) != digest for name, digest in self.graphs.items()):
            raise CalibrationError(
                f"The calibration was made with another bundle than {manifest.name}, whose "
                "similarities are others: use that bundle, or calibrate again."
            )
        wanted, frames, rate_fps = self.sampling, sampling.frames, sampling.rate_fps
        if wanted.frames != frames or not math.isclose(wanted.rate_fps, rate_fps, rel_tol=1e-6):
            raise CalibrationError(
                f"The calibration is for windows of {wanted.frames} frames at "
                f"{wanted.rate_fps:g} a second and this run takes {frames} at {rate_fps:g}: use "
                "the same, or calibrate again."
            )

    def _check_rules(self, policy: Policy) -> None:
        for name, words in _RULES.items():
            calibrated, asked = getattr(self.rules, name), getattr(policy, name)
            # Longer events and pauses are fewer; so are those that must stay near the threshold.
            if asked < calibrated:
                raise CalibrationError(
                    f"The calibration is for events with a {words} of {calibrated:g} or more and "
                    f"this run takes {asked:g}, which gives more false alarms: calibrate again "
                    "with it."
                )


class _Threshold1(Struct):
    label: Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]
    identity: Annotated[str, Meta(max_length=64)]
    similarity: FiniteFloat


class _Version1(Struct, kw_only=True, rename=_ON_DISK):
    """The format in which similarities had thresholds, each label by itself."""

    graphs: dict[str, Annotated[str, Meta(max_length=64)]]
    sampling: SamplingSpec
    hours: PositiveFloat
    false_alarms_per_day: PositiveFloat
    rules: EventRules
    thresholds: Annotated[tuple[_Threshold1, ...], Meta(min_length=1, max_length=MAX_LABELS)]

    def upgraded(self) -> Calibration:
        """Return it as of now; what it says stays in force."""
        try:
            return Calibration(
                graphs=self.graphs,
                sampling=self.sampling,
                hours=self.hours,
                false_alarms_per_day=self.false_alarms_per_day,
                rules=self.rules,
                thresholds=tuple(
                    LabelThreshold(old.label, old.identity, old.similarity)
                    for old in self.thresholds
                ),
            )
        except ValueError as error:
            raise DocumentError(str(error)) from error


class _Version(Struct):
    calibration_version: Annotated[int, Meta(ge=-(10**6), le=10**6)]


def graphs_of(manifest: Manifest) -> dict[str, str]:
    """Return the hashes of the two graphs that similarities depend on."""
    return {name: manifest.files[name] for name in (FRAME_GRAPH, WINDOW_GRAPH)}


def _length(hours: float) -> str:
    for unit, size_h in (("day", _DAY_H), ("hour", 1)):
        if hours >= 1.95 * size_h:
            return _plural(round(hours / size_h, 1), unit)
    return _plural(max(1, round(60 * hours)), "minute")


def _plural(count: float, word: str) -> str:
    return f"{count:g} {word}{'' if count == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
