"""A checkpoint under test, in torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...models.checkpoint import find_checkpoint, load_checkpoint
from ...models.interaction import Bank, FrameState
from ...models.label_texts import embed_labels, to_tensors
from ...models.prompts import PromptMean
from ...models.stzsar import STZSAR
from ...runtime.errors import BundleError, StzsarError
from ...runtime.labels.labels import Label
from ...runtime.terminal.commandline import say
from ..loop.device import find_device
from .model import CHECKPOINT, VOTING_SCALE, Array, ClipScores, voting_logits

# Frames per batch.
_BATCH = 32


class CheckpointModel:
    """See `model.Model`."""

    def __init__(
        self,
        path: Path,
        device: str,
        prompts: Sequence[str] | None = None,
        prompt_mean: PromptMean = "embeddings",
    ) -> None:
        """Load the checkpoint at `path`, or the newest checkpoint of the run there.

        Raises:
            BundleError: it cannot be used.
            StzsarError: the device cannot be used, or there is one prompt and nothing to average.
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
        self._apart = prompt_mean == "softmaxes"
        if self._apart:
            if len(self.prompts) == 1:
                raise StzsarError(
                    f"--prompt-mean softmaxes needs several prompts, and {self.path} has one. "
                    "Leave it out, or name a set with --prompts, such as actionclip."
                )
            self.seen_bias = None  # It was measured on other logits.

    def with_labels(self, labels: Sequence[Label]) -> "CheckpointClassifier":
        """Embed the labels."""
        network = self._network.to(self._device).eval()
        return CheckpointClassifier(network, labels, apart=self._apart)


class CheckpointClassifier:
    """See `model.Classifier`.

    `apart`: each prompt has a bank of its own, and its scores are rows of their own. They are 100
    times the similarities, whatever the checkpoint's γ: ActionCLIP's test keeps to CLIP's scale.
    """

    def __init__(self, network: STZSAR, labels: Sequence[Label], *, apart: bool = False) -> None:
        self._network, self._apart = network, apart
        self._torch_device = network.head.logit_scale.device
        ours = network.config.prompts
        self._classes: list[Array] = []
        self._banks: list[Bank] = []
        for prompts in [(prompt,) for prompt in ours] if apart else [ours]:
            network.use_prompts(prompts)
            bank = embed_labels(network, labels)
            self._classes.append(bank.class_embeddings)
            self._banks.append(to_tensors(bank, self._torch_device))
        network.use_prompts(ours)
        self.device = str(self._torch_device)
        self.no_voting: str | None = None

    @torch.no_grad()
    def score(self, images_vthwc: Array) -> ClipScores:
        """Score the views of one clip, uint8 [V, T, S, S, 3].

        Raises:
            BundleError: the scores are not finite.
        """
        shape = images_vthwc.shape[:2]
        head = self._network.head
        states: list[list[FrameState]] = [[] for _ in self._banks]
        embeddings = []
        for batch in torch.from_numpy(images_vthwc).flatten(0, 1).split(_BATCH):
            frame, patches = self._network.visual(batch.to(self._torch_device))
            features = head.features(frame, patches)
            for bank, own in zip(self._banks, states, strict=True):
                own.append(head.frame_state(frame, features, bank))
            embeddings.append(frame)
        each = [
            self._logits(own, shape, bank) for bank, own in zip(self._banks, states, strict=True)
        ]
        logits = np.concatenate(each)
        if not np.isfinite(logits).all():
            raise BundleError("The checkpoint gives scores that are not finite. Train it again.")
        frames = torch.cat(embeddings).float().cpu().numpy()
        votes = [voting_logits(frames, classes) for classes in self._classes]
        return ClipScores(logits, np.concatenate(votes))

    def _logits(self, states: Sequence[FrameState], shape: tuple[int, ...], bank: Bank) -> Array:
        """Return the logits [V, C] of windows from the states of their frames."""
        window = {
            name: torch.cat([state[name] for state in states]).unflatten(0, shape)
            for name in states[0]
        }
        scores = self._network.score_window(window, bank)
        logits = scores.logits
        if self._apart:
            logits = VOTING_SCALE * logits / scores.scale
        return logits.float().cpu().numpy()
