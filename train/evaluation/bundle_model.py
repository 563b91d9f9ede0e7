"""A bundle under test, in the runtime and without torch: the figures of what is deployed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...runtime.bundle.bundle import Bundle
from ...runtime.bundle.manifest import FRAME_EMBEDDING
from ...runtime.labels.labels import Label
from ...runtime.recognizer import Recognizer
from ...runtime.terminal.progress import loading_progress
from .model import BUNDLE, Array, ClipScores, voting_logits

# With a temporal transformer, the frame state holds the frame's embedding.
_FRAME_STATE = "frame"


class BundleModel:
    """See `model.Model`."""

    def __init__(self, path: Path, engine: str, threads: int) -> None:
        """Open the bundle; raise BundleError if it cannot be used."""
        self._bundle = Bundle.open(path)
        manifest = self._bundle.manifest
        self._engine, self._threads = engine, threads
        self.path, self.kind = path, BUNDLE
        self.knows = manifest.weights.knows
        self.labels = self._bundle.bank.labels
        self.seen_bias = manifest.seen.bias if manifest.seen else None
        self.frames, self.size_px = manifest.sampling.frames, manifest.pixels.size_px
        self.prompts: tuple[str, ...] | None = manifest.text.prompts if manifest.text else None

    def with_labels(self, labels: Sequence[Label]) -> "BundleClassifier":
        """Load the graphs; raise StzsarError if labels or engine cannot be used."""
        with loading_progress(shown=True) as (progress, on_build):
            recognizer = Recognizer.load(
                self._bundle,
                labels,
                engine=self._engine,
                threads=self._threads,
                progress=progress,
                on_build=on_build,
                shipped_attributes=False,  # the labels already have theirs
            )
        return BundleClassifier(recognizer)


class BundleClassifier:
    """See `model.Classifier`."""

    def __init__(self, recognizer: Recognizer) -> None:
        manifest = recognizer.manifest
        self._scorer = recognizer.scorer
        self._features = FRAME_EMBEDDING in manifest.features
        self.device = recognizer.device
        self.no_voting: str | None = None
        if not self._features and _FRAME_STATE not in manifest.states:
            self.no_voting = (
                f"No frame voting: the bundle {recognizer.bundle.path} does not give frame "
                "embeddings. Export it again, or test its checkpoint."
            )

    def score(self, images_vthwc: Array) -> ClipScores:
        """Score the views of one clip, uint8 [V, T, S, S, 3]."""
        views, frames = images_vthwc.shape[:2]
        encoded = self._scorer.encode(
            images_vthwc.reshape(-1, *images_vthwc.shape[2:]), features=self._features
        )
        states = {
            name: state.reshape(views, frames, *state.shape[1:]) for name, state in encoded.items()
        }
        # One view at a time, as the runtime scores windows: a batch may give other bits.
        logits = [
            self._scorer.score({name: state[view : view + 1] for name, state in states.items()})[0]
            for view in range(views)
        ]
        embeddings = encoded.get(FRAME_EMBEDDING if self._features else _FRAME_STATE)
        votes = None
        if embeddings is not None:
            votes = voting_logits(embeddings, self._scorer.bank.class_embeddings)
        return ClipScores(np.concatenate(logits), votes)
