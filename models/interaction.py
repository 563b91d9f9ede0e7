"""The spatio-temporal interaction (STI) head, split where a stream splits it.

Shapes: B windows, T frames, P patches, D joint width, C classes, W attributes.
Work on patches happens once per frame (`features`, `frame_state`), work on the window once per
window (`score`). The equations come from Kim, Kim and Lee, "Enhancing Spatio-Temporal Zero-shot
Action Recognition with Language-driven Description Attributes"; the saliency comes from BIKE.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .best_match import best_match
from .config import HeadConfig
from .transport import transport


class Bank(NamedTuple):
    """Unit text embeddings of the classes, as tensors."""

    class_embeddings: Tensor  # ê, [C, D]
    attribute_embeddings: Tensor  # ŵ, [C, W, D]
    attribute_mask: Tensor  # bool [C, W], false where a class has fewer attributes


def described(bank: Bank) -> Bank:
    """Return a bank whose classes are the mean direction of label and attributes.

    Frozen CLIP uses descriptions this way (arXiv 2210.07183).
    """
    mask = bank.attribute_mask.to(bank.attribute_embeddings.dtype)
    # As a product of matrices, a mean over attributes takes no memory of their size.
    shares = (mask / mask.sum(-1, keepdim=True))[:, None]
    of_attributes = (shares @ bank.attribute_embeddings)[:, 0]
    both = F.normalize(bank.class_embeddings + of_attributes, dim=-1)
    return bank._replace(class_embeddings=both)


class WindowScores(NamedTuple):
    logits: Tensor  # [B, C]
    saliency: Tensor  # what each frame weighs, [B, C, T]; sums to 1 over T
    scale: Tensor  # exp(γ), a scalar; logits / scale are similarities


FrameState = dict[str, Tensor]


class STIHead(nn.Module):
    """Aligns description attributes with patches (spatial) and frames (temporal).

    `contextual`: a temporal transformer makes frame embeddings depend on the window. The frame
    state then holds the embedding, otherwise its similarities with the bank. It holds the embedding
    for a mean of raw frames too, whose length depends on the window.
    """

    def __init__(self, config: HeadConfig, dim: int, *, contextual: bool) -> None:
        super().__init__()
        self.config = config
        self.contextual = contextual or config.pooling == "raw"
        weighs = config.interaction != "mean"
        self._salient = weighs and config.frame_weights != "guided"
        self._guided = weighs and config.frame_weights != "saliency"
        self.logit_scale = nn.Parameter(torch.tensor(math.log(config.initial_scale)))
        if config.interaction == "residual":
            self.beta = nn.Parameter(torch.zeros(()))
        if config.learned_temperature:
            # Logarithms of what divides the two temperatures: of S, and of the guided softmax.
            self.sharpness = nn.Parameter(torch.zeros(2))
        if config.projections:
            self.patch_delta = nn.Parameter(torch.zeros(dim, dim))
            self.frame_delta = nn.Parameter(torch.zeros(dim, dim))

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the tensors of a frame state, in order."""
        names = ["frame"] if self.contextual else ["class_similarity"]
        if not self.contextual and self._salient:
            names.append("attribute_similarity")
        if self.config.interaction in ("product", "residual"):
            names.append("spatial")
        return tuple(names)

    @property
    def label_states(self) -> tuple[str, ...]:
        """The tensors of a frame state that depend on the labels."""
        return tuple(name for name in self.state_names if name != "frame")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the label-independent tensors that `label_state` takes, in order."""
        frame = () if self.contextual else ("frame_embedding",)
        return (*frame, "patch_embeddings") if "spatial" in self.state_names else frame

    def features(self, frame: Tensor, patches: Tensor) -> dict[str, Tensor]:
        """Return the label-independent features of frames, for `label_state`.

        `frame_embedding` [B, D] is unchanged, `patch_embeddings` [B, P, D] come after the patch
        projection; neither is normalised, as are neither frame nor patches.
        """
        features = {"frame_embedding": frame}
        if "spatial" in self.state_names:
            if self.config.projections:
                patches = patches + patches @ self.patch_delta
            features["patch_embeddings"] = patches
        return {name: features[name] for name in self.feature_names}

    def frame_state(self, frame: Tensor, features: Mapping[str, Tensor], bank: Bank) -> FrameState:
        """Return everything that a window needs from its frames.

        Returns:
            `frame` [B, D], or `class_similarity` H [B, C] and `attribute_similarity` G [B, C, W];
            and `spatial` f [B, C].
        """
        state: FrameState = {"frame": frame} if self.contextual else {}
        return state | self.label_state(features, bank)

    def label_state(self, features: Mapping[str, Tensor], bank: Bank) -> FrameState:
        """Return the label-dependent part of the frame state."""
        if "spatial" not in self.state_names:
            return {} if self.contextual else self._similarities(features["frame_embedding"], bank)
        seen = F.normalize(features["patch_embeddings"], dim=-1)
        if self.training or self.contextual or not self._salient:
            state = {"spatial": self._spatial(seen, bank)}
            if self.contextual:
                return state
            return self._similarities(features["frame_embedding"], bank) | state
        frame = self._unit_frame(features["frame_embedding"])
        # One product for the frame and its patches: with 80,000 attributes, a second pass over
        # the bank for the frame alone costs a quarter of the time of all 49 patches.
        cosines = self._attribute_cosines(torch.cat([frame[:, None], seen], 1), bank)
        return {
            "class_similarity": self._class_cosines(frame, bank),
            "attribute_similarity": cosines[:, 0],
            "spatial": self._best_match(cosines[:, 1:], bank),
        }

    def _spatial(self, seen: Tensor, bank: Bank) -> Tensor:
        """Return f [B, C] of unit patches [B, P, D]."""
        if self.training:
            # Gives the same numbers without keeping every cosine for the backward pass.
            return best_match(seen, bank.attribute_embeddings, bank.attribute_mask)
        return self._best_match(self._attribute_cosines(seen, bank), bank)

    def _best_match(self, similarities: Tensor, bank: Bank) -> Tensor:
        """Reduce cosines [B, P, C, W] to f [B, C]: the maximum over patches, then attributes."""
        over_patches = similarities.amax(1)
        # Cosines are at least -1, so a masked attribute never wins.
        return torch.where(bank.attribute_mask, over_patches, -2.0).amax(-1)

    def score(self, state: FrameState, bank: Bank) -> WindowScores:
        """Score windows from frame states with a time axis, [B, T, …]."""
        if self.config.pooling == "raw":
            return self._score_raw_mean(state["frame"], bank)
        if self.contextual:
            state = {**state, **self._similarities(state["frame"], bank)}
        h = state["class_similarity"]
        scale = self.logit_scale.exp()
        if self.config.interaction == "transport":
            similarity, share = transport(state["attribute_similarity"], bank.attribute_mask)
            return WindowScores(scale * similarity, share.transpose(1, 2), scale)
        weights = self.frame_weights(state, bank)
        logits = scale * (weights * self._gate(state) * h).sum(1)
        return WindowScores(logits, weights.transpose(1, 2), scale)

    def _score_raw_mean(self, frame: Tensor, bank: Bank) -> WindowScores:
        """Score the mean of frame embeddings [B, T, D], normalised only then."""
        similarity = self._unit_frame(frame.mean(1)) @ bank.class_embeddings.T
        scale = self.logit_scale.exp()
        frames = frame.shape[1]
        saliency = torch.ones_like(similarity)[..., None].expand(-1, -1, frames) / frames
        return WindowScores(scale * similarity, saliency, scale)

    def _similarities(self, frame: Tensor, bank: Bank) -> FrameState:
        """Return H [..., C] and G [..., C, W] of frame embeddings [..., D]."""
        unit = self._unit_frame(frame)
        state = {"class_similarity": self._class_cosines(unit, bank)}
        if self._salient:
            state["attribute_similarity"] = self._attribute_cosines(unit, bank)
        return state

    def _unit_frame(self, frame: Tensor) -> Tensor:
        """Return v̂ of frame embeddings [..., D]."""
        if self.config.projections:
            frame = frame + frame @ self.frame_delta
        return F.normalize(frame, dim=-1)

    def _class_cosines(self, unit: Tensor, bank: Bank) -> Tensor:
        """Return the cosines [..., C] of unit vectors [..., D] with the classes."""
        classes = (described(bank) if self._guided else bank).class_embeddings
        return unit @ classes.T

    def _attribute_cosines(self, unit: Tensor, bank: Bank) -> Tensor:
        """Return the cosines [..., C, W] of unit vectors [..., D] with all attributes."""
        flat = unit @ bank.attribute_embeddings.flatten(0, 1).T
        return flat.unflatten(-1, tuple(bank.attribute_mask.shape))

    def frame_weights(self, state: FrameState, bank: Bank) -> Tensor:
        """Return what each frame weighs, [B, T, C]; sums to 1 over the frames."""
        h = state["class_similarity"]
        if self._salient and self._guided:
            return (self._saliency(state, bank) + self._guide(h)) / 2
        if self._salient:
            return self._saliency(state, bank)
        return self._guide(h) if self._guided else torch.ones_like(h) / h.shape[1]

    def _saliency(self, state: FrameState, bank: Bank) -> Tensor:
        """Return S [B, T, C]: softmax over the frames, averaged over a class's attributes."""
        # A written-out softmax, with the mean over attributes folded into its denominator: ONNX
        # Runtime transposes for a softmax over any axis but the last, which made the whole graph
        # 3.6 times as slow with 10,000 labels of 8 attributes.
        powers = self._powers(state["attribute_similarity"], self.config.temperature, 0)
        mask = bank.attribute_mask.to(powers.dtype)
        weights = mask / mask.sum(-1, keepdim=True) / powers.sum(1, keepdim=True)
        return (powers * weights).sum(-1)

    def _guide(self, class_similarity: Tensor) -> Tensor:
        """Return the softmax over the frames of their similarity with each class, [B, T, C]."""
        powers = self._powers(class_similarity, self.config.guide_temperature, 1)
        return powers / powers.sum(1, keepdim=True)

    def _powers(self, similarity: Tensor, temperature: float, place: int) -> Tensor:
        """Return exp(similarity / τ) up to a factor for each column of frames, [B, T, …]."""
        scaled = similarity / temperature
        if self.config.learned_temperature:
            scaled = scaled * self.sharpness[place].exp()
        return (scaled - scaled.amax(1, keepdim=True).detach()).exp()

    def _gate(self, state: FrameState) -> Tensor | float:
        """Return g(f) [B, T, C]. Normalising afterwards would cancel it."""
        match self.config.interaction:
            case "product":
                return state["spatial"]
            case "residual":
                return 1 + self.beta * state["spatial"]
            case _:
                return 1.0
