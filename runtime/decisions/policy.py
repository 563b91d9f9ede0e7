"""When a label becomes a decision, and decisions become an event."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import StzsarError
from ..labels.rules import LabelRule
from ..results import Recognition, Score
from .detector import Evidence

# A label that is on stays on down to so much less than its threshold of evidence.
KEEP_EVIDENCE = 0.5

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a label is decided on, and when decisions make an event. All times are in seconds.

    A softmax always has a winner. So a label is decided on if its `score` passes (it fits better
    than the other labels) *and* its similarity passes its own threshold (it fits at all). Otherwise
    the decision is "none of these". Thresholds of similarity differ between labels and cameras, so
    they have no default: they come from calibration, and until then only the score decides.

    The default `score` requires no tuning: above one half, a label outweighs all others together,
    and no two labels can pass at once. `keep_score` is where it may still be the better one of two
    labels that are easily confused; below it, another label fits better.

    Attributes:
        score: from this score on, a label is decided on.
        keep_score: a label that is on stays on down to this score.
        thresholds: from this similarity on, a label is decided on, by name; a label without one
            never is. None: similarities do not count.
        keep_similarity: a label that is on stays on down to this share of its threshold.
        min_length_s: shorter actions make no events; one window is often noise.
        cool_down_s: an action goes on across gaps shorter than this, and does not start again
            sooner after its end.
        evidence: where a calibration has it, it alone decides: `thresholds` are of evidence then,
            and neither scores nor similarities count.
        rules: of the labels whose events differ, by name.
    """

    score: float = 0.5
    keep_score: float = 0.3
    thresholds: Mapping[str, float] | None = None
    keep_similarity: float = 0.9
    min_length_s: float = 0.5
    cool_down_s: float = 2.0
    evidence: Evidence | None = None
    rules: Mapping[str, LabelRule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = {
            "score": self.score,
            "keep score": self.keep_score,
            "share of the similarity": self.keep_similarity,
        }
        for name, share in shares.items():
            if not 0 < share <= 1:
                raise StzsarError(
                    f"A decision's {name} is {share!r}: give a number above 0 and up to 1."
                )
        if self.keep_score > self.score:
            raise StzsarError(
                f"A label would turn on at the score {self.score} and off below {self.keep_score}: "
                "give a keep score that is not above the score."
            )
        for name, seconds in (("minimum length", self.min_length_s), ("pause", self.cool_down_s)):
            if not (math.isfinite(seconds) and seconds >= 0):
                raise StzsarError(f"An event's {name} is {seconds!r}: give 0 or more seconds.")
        rules: Any = self.rules
        if not isinstance(rules, Mapping) or not all(
            isinstance(rule, LabelRule) for rule in rules.values()
        ):
            raise StzsarError(
                "The rules of a policy are not a dict of LabelRule: give "
                "{'a label': LabelRule(repeat_s=300)}."
            )
        object.__setattr__(self, "rules", MappingProxyType(dict(self.rules)))
        if self.thresholds is not None:
            # A copy, so that it cannot be changed from outside.
            object.__setattr__(self, "thresholds", MappingProxyType(dict(self.thresholds)))
            for label, threshold in self.thresholds.items():
                if not math.isfinite(threshold):
                    raise StzsarError(
                        f"The threshold of {label!r} is {threshold!r}: give a finite number."
                    )

    def with_score(self, score: float) -> "Policy":
        """Return this policy with another score threshold, and the lower one in proportion."""
        keep_score = min(self.keep_score, score * self.keep_score / self.score)
        return replace(self, score=score, keep_score=keep_score)

    def with_level(self, label: str | None, level: float) -> "Policy":
        """Return this policy with another threshold of a label, or with None of all.

        Raises:
            StzsarError: thresholds are one for all and a label is named, or the other way round; or
                it is no threshold.
        """
        if self.thresholds is None:
            if label is not None:
                raise StzsarError(
                    "One score decides on all labels here: change it for all of them, or calibrate."
                )
            return self.with_score(level)
        if label is None:
            raise StzsarError("Each label has its own threshold here: name the label.")
        if label not in self.thresholds:
            raise StzsarError(f"The calibration has no threshold for {label!r:.80}: teach it.")
        return replace(self, thresholds={**self.thresholds, label: level})

    def by_evidence(self, evidence: Evidence, thresholds: Mapping[str, float]) -> "Policy":
        """Return this policy with evidence that decides, and its thresholds."""
        return replace(self, evidence=evidence, thresholds=thresholds)

    def rule_of(self, label: str) -> LabelRule:
        """Return the rule of a label, with what all labels have where it has none of its own."""
        general = LabelRule(min_length_s=self.min_length_s, cool_down_s=self.cool_down_s)
        return self.rules[label].over(general) if label in self.rules else general

    @property
    def longest_min_length_s(self) -> float:
        """The longest time that any label must last, in seconds."""
        own = (rule.min_length_s or 0.0 for rule in self.rules.values())
        return max(self.min_length_s, *own, 0.0)

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that evidence decides on."""
        return self.evidence.names if self.evidence else ()

    @cached_property
    def levels(self) -> Array:
        """The thresholds of evidence, in the order of `names`, [C]."""
        return np.asarray([self._threshold(name) for name in self.names])

    @staticmethod
    def may_stay(above: Array) -> Array:
        """Say whether any label may stay on, bool [...], by evidence above thresholds [..., C]."""
        return above.max(axis=-1) >= -KEEP_EVIDENCE

    @property
    def labels_needed(self) -> int:
        """How many of the best labels a decision requires: no more can have `keep_score`."""
        return math.floor(1 / self.keep_score + 1e-9)

    def warning(self, label_count: int) -> str | None:
        """Return a warning if decisions about so many labels are unsafe."""
        if self.thresholds is not None or label_count > 1:
            return None
        return (
            "With one label and no calibration, every window is decided to show it, since its "
            "score is always 1: calibrate, or add labels for what else may be seen."
        )

    def decide(self, recognition: Recognition, before: str | None) -> Score | None:
        """Return the label that is decided on in a window; None is "none of these".

        That is the best label that passes its upper bounds; if none does, the label of the previous
        window while it keeps its lower bounds. A window that is best explained by a label to ignore
        shows none of them.

        Args:
            recognition: with the `labels_needed` best labels, or all of them.
            before: the label that was decided on in the previous window, if any.
        """
        if self.evidence is not None:
            return self._decide_by_evidence(self.evidence, recognition, before)
        if recognition.rival is not None:
            return None
        for found in recognition.top:
            if self._comes_on(found):
                return found
        stays = (s for s in recognition.top if s.label == before and self._stays_on(s))
        return next(stays, None)

    def _decide_by_evidence(
        self, evidence: Evidence, recognition: Recognition, before: str | None
    ) -> Score | None:
        everything = recognition.everything
        if everything is None:
            raise ValueError("evidence requires the similarities of all labels")
        above = evidence.of(everything.similarities) - self.levels
        best = int(above.argmax())
        if above[best] < 0:
            if before not in evidence.names:
                return None
            best = evidence.names.index(before)
            if above[best] < -KEEP_EVIDENCE:
                return None
        return everything.of(int(evidence.places[best]))

    def _comes_on(self, found: Score) -> bool:
        return found.score >= self.score and found.similarity >= self._threshold(found.label)

    def _stays_on(self, found: Score) -> bool:
        lower = lower_bound(self._threshold(found.label), self.keep_similarity)
        return found.score >= self.keep_score and found.similarity >= lower

    def _threshold(self, label: str) -> float:
        if self.thresholds is None:
            return -math.inf
        return self.thresholds.get(label, math.inf)


def lower_bound(threshold: float, keep: float) -> float:
    """Return the similarity down to which a label stays on: below its threshold, of any sign.

    It is a share and not a difference, since the head sets the scale of similarities: products of
    two cosines are about a quarter of a cosine.
    """
    return threshold - (1 - keep) * abs(threshold) if math.isfinite(threshold) else threshold


def policy_from(policy: Policy | None) -> Policy:
    """Return a policy that a program gave, or the default one.

    Raises:
        StzsarError: it is no policy.
    """
    if policy is not None and not isinstance(policy, Policy):
        raise StzsarError(
            f"A policy is needed and got {type(policy).__name__}: give Policy(score=0.6) or the "
            "like."
        )
    return policy or Policy()
