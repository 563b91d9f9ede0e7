"""What makes a label a decision, and decisions an event."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ..errors import StzsarError
from ..results import Recognition, Score


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a label is decided on, and when that is worth an event. All times are in seconds.

    A softmax always finds a winner. So a label is decided on if its `score` passes, which says
    that it fits better than the other labels, *and* its similarity passes a threshold of its own,
    which says that it fits at all. Else the answer is none of these. Thresholds of similarity
    differ from label to label and from camera to camera, so there is no default for them: they
    come from calibration, and until then only the score decides.

    The default of `score` is the one that needs no tuning: above a half a label outweighs all
    others together, and no two labels can pass at once. `keep_score` is the share at which it may
    still be the best of a pair that is easily mixed up; below it some other label fits better.

    Attributes:
        score: a label is decided on from this score on.
        keep_score: a label that is on stays on down to this score.
        thresholds: the similarity from which each label is decided on, by name; one that is not
            here never is. None: similarities do not count.
        keep_similarity: a label that is on stays on down to this share of its threshold.
        min_length_s: an action that is decided on for less is no event; one window is often noise.
        cool_down_s: an action that is not seen for less than this goes on, and none begins again
            so soon after its end.
    """

    score: float = 0.5
    keep_score: float = 0.3
    thresholds: Mapping[str, float] | None = None
    keep_similarity: float = 0.9
    min_length_s: float = 0.5
    cool_down_s: float = 2.0

    def __post_init__(self) -> None:
        shares = {
            "score": self.score,
            "keep score": self.keep_score,
            "share of the similarity": self.keep_similarity,
        }
        for name, share in shares.items():
            if not 0 < share <= 1:
                raise StzsarError(f"A decision's {name} is above 0 and at most 1, got {share!r}.")
        if self.keep_score > self.score:
            raise StzsarError(
                f"A label comes on at the score {self.score} and would go off below "
                f"{self.keep_score}: give a lower bound that is not above the other."
            )
        for name, seconds in (("minimum length", self.min_length_s), ("pause", self.cool_down_s)):
            if not (math.isfinite(seconds) and seconds >= 0):
                raise StzsarError(f"An event's {name} is 0 or more seconds, got {seconds!r}.")
        if self.thresholds is not None:
            # A copy, so that nobody changes what is frozen.
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

    @property
    def labels_needed(self) -> int:
        """How many of the best labels a recognition must hold: no more can have `keep_score`."""
        return math.floor(1 / self.keep_score + 1e-9)

    def warning(self, label_count: int) -> str | None:
        """Say in a sentence what makes decisions about so many labels unsafe, if anything does."""
        if self.thresholds is not None or label_count > 1:
            return None
        return (
            "With one label and no calibration every window is decided to show it, since its score "
            "is always 1: calibrate, or add labels of what else is to be seen."
        )

    def decide(self, recognition: Recognition, before: str | None) -> Score | None:
        """Return the label that is decided on in a window; None is none of these.

        The best label that passes its upper bounds is decided on; where none does, the label of
        the window before, as long as it holds its lower ones.

        Args:
            recognition: with the `labels_needed` best labels, or all of them.
            before: the label that was decided on in the window before, if any.
        """
        for found in recognition.top:
            if self._comes_on(found):
                return found
        stays = (s for s in recognition.top if s.label == before and self._stays_on(s))
        return next(stays, None)

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
    """Return the similarity down to which a label stays on; below its threshold for any sign.

    A share and not a difference, since the size of similarities depends on the head: products of
    two cosines are a quarter of a cosine.
    """
    return threshold - (1 - keep) * abs(threshold) if math.isfinite(threshold) else threshold
