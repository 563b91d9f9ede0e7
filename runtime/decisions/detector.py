"""Detectors: from the similarities of a window to the evidence for each action.

A similarity says how well a label fits, and nothing about what else fits. Evidence is the logarithm
of odds: of a label against everything that competes with it. What competes is either named (the
other labels, and those to ignore), or learnt from ordinary footage, see `teaching`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from ..documents import FiniteFloat, PositiveFloat
from ..errors import CalibrationError, LabelError
from ..labels.labels import (
    MAX_ATTRIBUTES,
    MAX_LABELS,
    MAX_NAME_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    Label,
    Role,
    identity_of,
)

Array = npt.NDArray[Any]

_Name = Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]
_Text = Annotated[str, Meta(max_length=MAX_TEXT_CHARACTERS)]


class Evidence(Protocol):
    """Turns the similarities of one source's windows into evidence for its actions."""

    @property
    def names(self) -> tuple[str, ...]:
        """The actions, C of them."""
        ...

    @property
    def places(self) -> Array:
        """Where they are among the similarities, [C]."""
        ...

    def of(self, similarities: Array) -> Array:
        """Return the evidence [..., C] for similarities [..., R]."""
        ...


@dataclass(frozen=True, eq=False)
class Given:
    """Evidence that is known already."""

    names: tuple[str, ...]

    @property
    def places(self) -> Array:
        """As they come."""
        return np.arange(len(self.names))

    def of(self, similarities: Array) -> Array:
        """Return what was given."""
        return similarities


class Feature(Struct, frozen=True, omit_defaults=True):
    """A label that a detector measures with."""

    label: _Name
    text: _Text = ""
    attributes: Annotated[tuple[_Text, ...], Meta(max_length=MAX_ATTRIBUTES)] = ()
    role: Role = "action"

    @classmethod
    def of(cls, label: Label) -> "Feature":
        """Take it from a label."""
        return cls(label.name, label.text, label.attributes, label.role)

    def as_label(self) -> Label:
        """Return the label."""
        return Label(self.label, self.text, self.attributes, self.role)


class Taught(Struct, frozen=True):
    """What was learnt from examples and ordinary footage, linear in the similarities.

    Attributes:
        labels: names of the T labels that have examples.
        weights: a row for each of them, then one for each kind of ordinary scene, [T + K, F].
        offsets: of each row.
    """

    labels: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MAX_LABELS)]
    weights: tuple[tuple[FiniteFloat, ...], ...]
    offsets: tuple[FiniteFloat, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(self.offsets) or len(self.offsets) <= len(self.labels):
            raise ValueError("what was taught lacks rows")


class Detector(Struct, frozen=True, kw_only=True):
    """How evidence is computed, whatever else a run scores.

    Attributes:
        features: the labels whose similarities it needs, F of them; context competes only in what
            was taught.
        scale: logits for each unit of similarity.
        taught: replaces the odds of labels that have examples.
    """

    features: Annotated[tuple[Feature, ...], Meta(min_length=1, max_length=MAX_LABELS)]
    scale: PositiveFloat
    taught: Taught | None = None

    def __post_init__(self) -> None:
        try:
            names = [label.name for label in self.labels if label.role == "action"]
        except LabelError as error:
            raise ValueError(str(error)) from error
        if not names:
            raise ValueError("it measures no action")
        if self.taught:
            if any(len(row) != len(self.features) for row in self.taught.weights):
                raise ValueError("what was taught is for other labels")
            if not set(self.taught.labels) <= set(names):
                raise ValueError("a label was taught that is not measured")
            if len(set(self.taught.labels)) < len(self.taught.labels):
                raise ValueError("a label was taught twice")

    @property
    def labels(self) -> tuple[Label, ...]:
        """The features as labels."""
        return tuple(feature.as_label() for feature in self.features)

    def bind(self, labels: Sequence[Label]) -> "BoundDetector":
        """Return the detector for the similarities of these labels, R of them.

        Raises:
            CalibrationError: they lack one that it needs.
        """
        row_of = {identity_of(label): row for row, label in enumerate(labels)}
        features = self.labels
        lacking = [own.name for own in features if identity_of(own) not in row_of]
        if lacking:
            raise CalibrationError(
                f"The calibration measures with {len(lacking)} labels that this run does not "
                f"score, the first is {lacking[0]!r:.80}: load it together with the calibration."
            )
        rows = np.asarray([row_of[identity_of(own)] for own in features], np.intp)
        actions = [at for at, own in enumerate(features) if own.role == "action"]
        place = {features[at].name: index for index, at in enumerate(actions)}
        taught = self.taught
        return BoundDetector(
            names=tuple(labels[rows[at]].name for at in actions),
            places=rows[actions],
            competing=rows[[at for at, own in enumerate(features) if own.role != "context"]],
            scale=self.scale,
            rows=rows,
            taught=np.asarray([place[name] for name in taught.labels] if taught else [], np.intp),
            weights=np.asarray(taught.weights if taught else (), np.float64),
            offsets=np.asarray(taught.offsets if taught else (), np.float64),
        )


@dataclass(frozen=True, eq=False)
class BoundDetector:
    """A detector that knows where its labels are among the similarities."""

    names: tuple[str, ...]
    places: Array
    competing: Array
    scale: float
    rows: Array
    taught: Array
    weights: Array
    offsets: Array

    def of(self, similarities: Array) -> Array:
        """Return the evidence [..., C] for similarities [..., R]."""
        wide = similarities.astype(np.float64)
        own, all_competing = wide[..., self.places], wide[..., self.competing]
        evidence = odds(self.scale * own, self.scale * all_competing)
        if len(self.taught):
            fits = wide[..., self.rows] @ self.weights.T + self.offsets
            evidence[..., self.taught] = odds(fits[..., : len(self.taught)], fits)
        return evidence


def odds(own: Array, competing: Array) -> Array:
    """Return log odds: each of some logits [..., C] against the others of those that compete.

    Args:
        own: C of the logits.
        competing: all K of them, [..., K]. If there is but one, it stays as it is.
    """
    if competing.shape[-1] == 1:
        return own.copy()
    winner = competing.argmax(axis=-1)[..., None]
    top = np.take_along_axis(competing, winner, axis=-1)
    others = competing.copy()
    np.put_along_axis(others, winner, -np.inf, axis=-1)
    without_top = _log_sum(others)
    rest = np.exp(without_top - top) - np.exp(np.minimum(own - top, 0))
    # The rest of the best label are the others; of another one, everything but itself.
    with np.errstate(divide="ignore", invalid="ignore"):
        of_another = top + np.log1p(np.maximum(rest, -1))
    return own - np.where(own >= top, without_top, of_another)


def _log_sum(logits: Array) -> Array:
    top = logits.max(axis=-1, keepdims=True)
    return top + np.log(np.exp(logits - top).sum(axis=-1, keepdims=True))
