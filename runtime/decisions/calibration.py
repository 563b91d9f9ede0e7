"""The thresholds that a site's footage gave, as a file that later runs take."""

import dataclasses
import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..atomic import write_file
from ..bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH
from ..bundle.manifest import Manifest, SamplingSpec
from ..errors import CalibrationError
from ..labels.labels import MAX_LABELS, MAX_NAME_CHARACTERS, Label
from ..labels.names import nearest_names
from .policy import Policy

CALIBRATION_VERSION = 1
MAX_FILE_MIB = 16
_NAMED = 3
_DAY_H = 24
# What decides how many events there are, beside the thresholds.
_EVENT_FIELDS = {
    "min_length_s": "minimum length in seconds",
    "cool_down_s": "pause in seconds",
    "keep_similarity": "lower bound of similarity",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelThreshold:
    """What one label must pass.

    Attributes:
        label: its name.
        identity: of its text and attributes: with others its similarities are others.
        similarity: the threshold.
    """

    label: str
    identity: str
    similarity: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Thresholds, and all that they depend on.

    Attributes:
        graphs: the sha256 of the frame graph and the window graph.
        sampling: frames of a window and windows per second.
        hours: footage that was looked at.
        false_alarms_per_day: events of all labels together that such footage gives at most.
        policy: what makes an event; of it only length, pause and lower bound of similarity count.
        thresholds: of each label.
    """

    graphs: Mapping[str, str]
    sampling: SamplingSpec
    hours: float
    false_alarms_per_day: float
    policy: Policy
    thresholds: tuple[LabelThreshold, ...]

    @property
    def caution(self) -> str | None:
        """Say how far the rate that was asked for lies beyond what the footage can show."""
        needed_h = _DAY_H / self.false_alarms_per_day
        if self.hours >= needed_h:
            return None
        return (
            f"{_rate(self.false_alarms_per_day)} is extrapolated from {_length(self.hours)} of "
            f"footage, {needed_h / self.hours:.0f} times as far as it was seen: calibrate on "
            f"{_length(needed_h)} or more to be sure of it."
        )

    def apply(
        self, policy: Policy, manifest: Manifest, labels: Sequence[Label], *, sampling: SamplingSpec
    ) -> Policy:
        """Return the policy with thresholds for these labels.

        A label that has none, or another text or other attributes than it had, is never decided
        on, since nothing is known of its false alarms; a warning names it.

        Raises:
            CalibrationError: it is of another bundle, sampling, kind of event, or of other labels.
        """
        self._check_bundle(manifest, sampling)
        self._check_policy(policy)
        known = {threshold.label: threshold for threshold in self.thresholds}
        found = {
            label.name: known[label.name].similarity
            for label in labels
            if label.name in known and known[label.name].identity == identity_of(label)
        }
        without = [label.name for label in labels if label.name not in found]
        if not found:
            near = nearest_names(without[0], list(known), 1)[0]
            raise CalibrationError(
                f"The calibration has a threshold for none of these labels, not for "
                f"{without[0]!r} with its present attributes (it knows {near!r}): calibrate with "
                "the labels of this run."
            )
        if without:
            log.warning(
                "%s: no threshold for %s as it is now, which is scored and never decided on: "
                "calibrate again with these labels.",
                _plural(len(without), "label"),
                _some(without),
            )
        return dataclasses.replace(policy, thresholds=found)

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            CalibrationError: it cannot be written.
        """
        document = {
            "calibration_version": CALIBRATION_VERSION,
            "bundle": dict(self.graphs),
            "sampling": dataclasses.asdict(self.sampling),
            "footage_hours": self.hours,
            "false_alarms_per_day": self.false_alarms_per_day,
            "events": {name: getattr(self.policy, name) for name in _EVENT_FIELDS},
            "labels": [dataclasses.asdict(threshold) for threshold in self.thresholds],
        }
        text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            write_file(path, text)
        except OSError as error:
            raise CalibrationError(f"Cannot write {path}: {error.strerror}.") from error

    @classmethod
    def read(cls, path: Path) -> "Calibration":
        """Read a file.

        Raises:
            CalibrationError: it is missing, no calibration, of a newer version or damaged.
        """
        document = _read_json(path)
        version = document.get("calibration_version")
        if type(version) is not int:
            raise CalibrationError(
                f"{path} is no calibration: make one with stzsar-run --calibrate FOOTAGE."
            )
        if not 1 <= version <= CALIBRATION_VERSION:
            raise CalibrationError(
                f"{path} has version {version} and this stzsar reads {CALIBRATION_VERSION}: "
                "upgrade stzsar, or calibrate again."
            )
        try:
            return _from_document(document)
        except (KeyError, TypeError, ValueError, AttributeError, CalibrationError) as error:
            raise CalibrationError(
                f"{path} is damaged ({_reason(error)}): calibrate again."
            ) from error

    def _check_bundle(self, manifest: Manifest, sampling: SamplingSpec) -> None:
        if any(manifest.files.get(name) != digest for name, digest in self.graphs.items()):
            raise CalibrationError(
                f"The calibration was made with another bundle than {manifest.name}, whose "
                "similarities are others: take that bundle, or calibrate again."
            )
        wanted, frames, rate_fps = self.sampling, sampling.frames, sampling.rate_fps
        if wanted.frames != frames or not math.isclose(wanted.rate_fps, rate_fps, rel_tol=1e-6):
            raise CalibrationError(
                f"The calibration is for windows of {wanted.frames} frames at "
                f"{wanted.rate_fps:g} a second and this run takes {frames} at {rate_fps:g}: use "
                "the same, or calibrate again."
            )

    def _check_policy(self, policy: Policy) -> None:
        for name, words in _EVENT_FIELDS.items():
            had, has = getattr(self.policy, name), getattr(policy, name)
            # Longer events and pauses are fewer; so are those that must stay near the threshold.
            if has < had:
                raise CalibrationError(
                    f"The calibration is for events with a {words} of {had:g} or more and this "
                    f"run takes {has:g}, which gives more false alarms: calibrate again with it."
                )


def graphs_of(manifest: Manifest) -> dict[str, str]:
    """Return what makes similarities what they are: the hashes of a bundle's two graphs."""
    return {name: manifest.files[name] for name in (FRAME_GRAPH, WINDOW_GRAPH)}


def identity_of(label: Label) -> str:
    """Return what changes with a label's text or attributes, as 16 hexadecimal digits."""
    words = json.dumps([label.text, *label.attributes])
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_MIB * 2**20 + 1)
    except OSError as error:
        raise CalibrationError(f"Cannot read the calibration {path}: {error.strerror}.") from error
    try:
        document = json.loads(content) if len(content) <= MAX_FILE_MIB * 2**20 else None
    except (ValueError, RecursionError):
        document = None
    return document if isinstance(document, dict) else {}


def _from_document(document: Mapping[str, Any]) -> Calibration:
    rows = document["labels"]
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_LABELS:
        raise ValueError(f"it holds 1 to {MAX_LABELS} labels")
    thresholds = tuple(_read_threshold(row) for row in rows)
    if len({threshold.label for threshold in thresholds}) < len(thresholds):
        raise ValueError("a label has two thresholds")
    graphs, events = document["bundle"], document["events"]
    if set(graphs) != {FRAME_GRAPH, WINDOW_GRAPH}:
        raise ValueError("it does not say of which bundle it is")
    return Calibration(
        graphs=dict(graphs),
        sampling=SamplingSpec(**document["sampling"]),
        hours=_number(document["footage_hours"], positive=True),
        false_alarms_per_day=_number(document["false_alarms_per_day"], positive=True),
        policy=Policy(
            min_length_s=_number(events["min_length_s"]),
            cool_down_s=_number(events["cool_down_s"]),
            keep_similarity=_number(events["keep_similarity"]),
        ),
        thresholds=thresholds,
    )


def _read_threshold(row: Mapping[str, Any]) -> LabelThreshold:
    name, identity = row["label"], row["identity"]
    if not (isinstance(name, str) and isinstance(identity, str)):
        raise ValueError("labels and identities are words")
    if len(name) > MAX_NAME_CHARACTERS:
        raise ValueError("a label is too long")
    return LabelThreshold(name, identity, _number(row["similarity"]))


def _number(value: object, *, positive: bool = False) -> float:
    if not (isinstance(value, int | float) and not isinstance(value, bool)):
        raise ValueError(f"{value!r:.40} is no number")
    if not math.isfinite(value) or (positive and value <= 0):
        raise ValueError(f"{value!r:.40} is no {'positive' if positive else 'finite'} number")
    return float(value)


def _reason(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error).rstrip(".")


def _rate(per_day: float) -> str:
    return f"The rate of {_plural(per_day, 'false alarm')} a day"


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
