"""A checkpoint under test, in torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...models.checkpoint import find_checkpoint, load_checkpoint
from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.errors import BundleError
from ...runtime.labels.labels import Label
from ...runtime.terminal.commandline import say
from ..loop.device import find_device
from .model import CHECKPOINT, Array, ClipScores, voting_logits

# Frames that are encoded at once.
_BATCH = 32


class CheckpointModel:
    """See `model.Model`."""

    def __init__(self, path: Path, device: str) -> None:
        """Load the checkpoint at `path`, or the newest one of the run there.

        Raises:
            BundleError: it cannot be used.
            StzsarError: the device cannot be used.
        """
        self._device = find_device(device)
        named, path = path, find_checkpoint(path)
        if path != named:
            say(f"Testing {path}.")
        checkpoint, self._network = load_checkpoint(path)
        self.path, self.kind = path, CHECKPOINT
        self.knows = checkpoint.origin.knows
        self.labels = checkpoint.labels
        self.frames = checkpoint.sampling.frames
        self.size_px = checkpoint.model.vision.image_px

    def with_labels(self, labels: Sequence[Label]) -> "CheckpointClassifier":
        """Embed the labels."""
        return CheckpointClassifier(self._network.to(self._device).eval(), labels)


class CheckpointClassifier:
    """See `model.Classifier`."""

    def __init__(self, network: STZSAR, labels: Sequence[Label]) -> None:
        self._network = network
        self._where = network.head.logit_scale.device
        self._classes = embed_labels(network, labels)
        self._bank = to_tensors(self._classes, self._where)
        self.device = str(self._where)
        self.no_voting: str | None = None

    @torch.no_grad()
    def score(self, images_vthwc: Array) -> ClipScores:
        """Score the views of one clip, uint8 [V, T, S, S, 3].

        Raises:
            BundleError: the weights give numbers that are not finite.
        """
        views, frames = images_vthwc.shape[:2]
        images = torch.from_numpy(images_vthwc).flatten(0, 1)
        states, embeddings = [], []
        for batch in images.split(_BATCH):
            seen = self._network.visual(batch.to(self._where))
            features = self._network.head.features(seen.frame, seen.patches)
            states.append(self._network.head.state_from(seen.frame, features, self._bank))
            embeddings.append(seen.frame)
        in_time = {
            name: torch.cat([state[name] for state in states]).unflatten(0, (views, frames))
            for name in states[0]
        }
        logits = self._network.score_window(in_time, self._bank).logits.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise BundleError("The checkpoint gives numbers that are not finite: train it again.")
        votes = torch.cat(embeddings).float().cpu().numpy()
        return ClipScores(logits, voting_logits(votes, self._classes.class_embeddings))
