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

# Frames per batch.
_BATCH = 32


class CheckpointModel:
    """See `model.Model`."""

    def __init__(self, path: Path, device: str, prompts: Sequence[str] | None = None) -> None:
        """Load the checkpoint at `path`, or the newest checkpoint of the run there.

        Raises:
            BundleError: it cannot be used.
            StzsarError: the device cannot be used.
        """
        self._device = find_device(device)
        self.path, self.kind = find_checkpoint(path), CHECKPOINT
        if self.path != path:
            say(f"Testing {self.path}.")
        checkpoint, self._network = load_checkpoint(self.path)
        self.knows = checkpoint.origin.knows
        self.labels = checkpoint.labels
        self.seen_bias = checkpoint.seen_bias
        self.frames = checkpoint.sampling.frames
        self.size_px = checkpoint.model.vision.image_px
        if prompts is not None:
            self._network.use_prompts(prompts)
        self.prompts: tuple[str, ...] | None = self._network.config.prompts

    def with_labels(self, labels: Sequence[Label]) -> "CheckpointClassifier":
        """Embed the labels."""
        return CheckpointClassifier(self._network.to(self._device).eval(), labels)


class CheckpointClassifier:
    """See `model.Classifier`."""

    def __init__(self, network: STZSAR, labels: Sequence[Label]) -> None:
        self._network = network
        self._torch_device = network.head.logit_scale.device
        self._classes = embed_labels(network, labels)
        self._bank = to_tensors(self._classes, self._torch_device)
        self.device = str(self._torch_device)
        self.no_voting: str | None = None

    @torch.no_grad()
    def score(self, images_vthwc: Array) -> ClipScores:
        """Score the views of one clip, uint8 [V, T, S, S, 3].

        Raises:
            BundleError: the scores are not finite.
        """
        views, frames = images_vthwc.shape[:2]
        head = self._network.head
        states, embeddings = [], []
        for batch in torch.from_numpy(images_vthwc).flatten(0, 1).split(_BATCH):
            frame, patches = self._network.visual(batch.to(self._torch_device))
            states.append(head.frame_state(frame, head.features(frame, patches), self._bank))
            embeddings.append(frame)
        window = {
            name: torch.cat([state[name] for state in states]).unflatten(0, (views, frames))
            for name in states[0]
        }
        logits = self._network.score_window(window, self._bank).logits.float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise BundleError("The checkpoint gives scores that are not finite. Train it again.")
        votes = torch.cat(embeddings).float().cpu().numpy()
        return ClipScores(logits, voting_logits(votes, self._classes.class_embeddings))
