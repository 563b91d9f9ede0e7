"""A second look by a larger bundle: the pictures of the event, scored with the same labels."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ..bundle.bundle import Bundle
from ..errors import StzsarError
from ..labels.labels import Label, LabelsOf
from ..preprocessing.pixels import fit_frame
from ..recognizer import Recognizer
from ..results import Verdict
from ..scoring.window import FrameRing
from .judge import Question

# The labels of a run and which of them compete where; they may change while it runs.
LabelsInUse = Callable[[], tuple[tuple[Label, ...], LabelsOf]]


class BundleJudge:
    """Scores one window of an event with a bundle of its own.

    Attributes: see `judge.Judge`.
    """

    def __init__(self, path: Path, labels: LabelsInUse, *, engine: str, threads: int) -> None:
        """Load the bundle, with the labels of the run.

        Args:
            path: its folder.
            labels: the labels in use.
            engine: see `Recognizer.load`.
            threads: see `Recognizer.load`.

        Raises:
            StzsarError: the bundle cannot be used, or does not take these labels.
        """
        bundle = Bundle.open(path)
        self._labels, self._known = labels, labels()
        names, labels_of = self._known
        self._recognizer = Recognizer.load(
            bundle,
            names,
            labels_of=labels_of,
            top_k=1,
            engine=engine,
            threads=threads,
        )
        sampling = bundle.manifest.sampling
        self.name = bundle.manifest.name
        self.back_s: Sequence[float] = [
            back / sampling.rate_fps for back in reversed(range(sampling.frames))
        ]

    def judge(self, question: Question) -> Verdict:
        """Score the last window of the event."""
        verdict = partial(Verdict, by=self.name)
        try:
            self._follow_labels()
            return self._scored(question, verdict)
        except StzsarError as error:
            return verdict("unverified", said=str(error))

    def _scored(self, question: Question, verdict: Callable[..., Verdict]) -> Verdict:
        size_px = self._recognizer.manifest.pixels.size_px
        images = np.stack([fit_frame(image, size_px) for image in question.images()])
        times_s = [picture.time_s for picture in question.pictures]
        scorer = self._recognizer.scorer
        window = FrameRing.of(scorer.encode(images), times_s)
        found = scorer.recognize(question.place, window)
        everything = found.everything
        assert everything is not None  # a scorer always gives it
        if question.label not in everything.names:
            return verdict("unverified", said="it does not know the label")
        score = everything.of(everything.names.index(question.label)).score
        is_best = found.rival is None and found.label == question.label
        is_it = is_best and score >= question.threshold
        said = "" if is_best else f"it sees {found.rival or found.label}"
        return verdict("yes" if is_it else "no", score=score, said=said)

    def _follow_labels(self) -> None:
        if (in_use := self._labels()) != self._known:
            self._recognizer.use_labels(in_use[0], labels_of=in_use[1])
            self._known = in_use
