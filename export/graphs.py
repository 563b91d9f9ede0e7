"""The modules that are traced: thin wrappers of STZSAR with named inputs and outputs.

Batch B, frames T, classes C and attributes W stay dynamic.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from ..models.interaction import Bank
from ..models.stzsar import STZSAR

BANK_INPUTS = ("class_embeddings", "attribute_embeddings", "attribute_mask")
_MAX_BATCH = 64
_MAX_CLASSES = 10_000
_MAX_ATTRIBUTES = 64
_MAX_PATCHES = 1 << 16


@dataclass(frozen=True)
class GraphSpec:
    """A module to trace, with example inputs, output names and dynamic sizes."""

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, Any]]


class FrameGraph(nn.Module):
    """Frames and bank to frame states and features."""

    def __init__(self, network: STZSAR) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        frames: Tensor,
        class_embeddings: Tensor,
        attribute_embeddings: Tensor,
        attribute_mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """Map uint8 BGR [B, S, S, 3] to `state_names`, then `feature_names`, [B, …] each."""
        bank = Bank(class_embeddings, attribute_embeddings, attribute_mask)
        state, features = self.network.encode_with_features(frames, bank)
        return (*(state[name] for name in self.network.state_names), *features.values())


class StateGraph(nn.Module):
    """Features and bank to the label-dependent part of frame states."""

    def __init__(self, network: STZSAR) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        features: tuple[Tensor, ...],
        class_embeddings: Tensor,
        attribute_embeddings: Tensor,
        attribute_mask: Tensor,
    ) -> tuple[Tensor, ...]:
        """Map features [B, …] to `STIHead.label_states`, [B, …] each."""
        bank = Bank(class_embeddings, attribute_embeddings, attribute_mask)
        named = dict(zip(self.network.feature_names, features, strict=True))
        state = self.network.head.label_state(named, bank)
        return tuple(state[name] for name in self.network.head.label_states)


class WindowGraph(nn.Module):
    """Windows of frame states and bank to logits, saliency and scale."""

    def __init__(self, network: STZSAR) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        states: tuple[Tensor, ...],
        class_embeddings: Tensor,
        attribute_embeddings: Tensor,
        attribute_mask: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map states [B, T, …] to logits [B, C], saliency [B, C, T] and exp(γ)."""
        bank = Bank(class_embeddings, attribute_embeddings, attribute_mask)
        named = dict(zip(self.network.state_names, states, strict=True))
        scores = self.network.score_window(named, bank)
        return scores.logits, scores.saliency, scores.scale


class TextGraph(nn.Module):
    """Tokens to unit embeddings."""

    def __init__(self, network: STZSAR) -> None:
        super().__init__()
        self.network = network

    def forward(self, tokens: Tensor) -> Tensor:
        """Map int64 [N, L] to [N, D]."""
        return self.network.encode_text(tokens)


def example_bank(network: STZSAR, classes: int = 3, attributes: int = 2) -> Bank:
    """Return a bank of random unit embeddings, for tracing."""
    generator = torch.Generator().manual_seed(0)
    dim = network.config.dim
    words = torch.randn(classes, attributes, dim, generator=generator)
    names = torch.randn(classes, dim, generator=generator)
    normalize = nn.functional.normalize
    mask = torch.ones(classes, attributes, dtype=torch.bool)
    return Bank(normalize(names, dim=-1), normalize(words, dim=-1), mask)


def frame_spec(network: STZSAR) -> GraphSpec:
    """Return how to trace the frame graph."""
    size = network.config.vision.image_px
    frames = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8)
    inputs = {"frames": frames, **example_bank(network)._asdict()}
    dynamic = {"frames": {0: Dim("batch", min=1, max=_MAX_BATCH)}, **_bank_dims()}
    outputs = (*network.state_names, *network.feature_names)
    return GraphSpec(FrameGraph(network), inputs, outputs, dynamic)


def state_spec(network: STZSAR) -> GraphSpec:
    """Return how to trace the state graph, for a network whose states depend on labels.

    The number of patches is dynamic too: a recording may hold some of them only.
    """
    bank = example_bank(network)
    size = network.config.vision.image_px
    frames = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    with torch.no_grad():
        _, features = network.encode_with_features(frames, bank)
    axes: dict[str, dict[int, Any]] = {
        name: {0: Dim("batch", min=1, max=_MAX_BATCH)} for name in features
    }
    if "patch_embeddings" in axes:
        axes["patch_embeddings"][1] = Dim("patches", min=1, max=_MAX_PATCHES)
    inputs = {**features, **bank._asdict()}
    return GraphSpec(
        StateGraph(network), inputs, network.head.label_states, {**axes, **_bank_dims()}
    )


def window_spec(network: STZSAR, max_frames: int) -> GraphSpec:
    """Return how to trace the window graph, for windows of up to `max_frames` frames."""
    bank = example_bank(network)
    size = network.config.vision.image_px
    frames = torch.zeros((6, size, size, 3), dtype=torch.uint8)
    with torch.no_grad():
        state = network.encode_frames(frames, bank)
    states = {name: state[name].unflatten(0, (2, 3)) for name in network.state_names}
    batch = Dim("batch", min=1, max=_MAX_BATCH)
    time = Dim("time", min=1, max=max(2, max_frames))
    axes = {name: {0: batch, 1: time} for name in states}
    if "class_similarity" in axes:
        axes["class_similarity"][2] = _CLASSES
    if "attribute_similarity" in axes:
        axes["attribute_similarity"] |= {2: _CLASSES, 3: _WORDS}
    if "spatial" in axes:
        axes["spatial"][2] = _CLASSES
    dynamic = {**axes, **_bank_dims()}
    outputs = ("logits", "saliency", "scale")
    return GraphSpec(WindowGraph(network), {**states, **bank._asdict()}, outputs, dynamic)


def text_spec(network: STZSAR) -> GraphSpec:
    """Return how to trace the text graph."""
    tokens = torch.ones((2, network.config.text.context_length), dtype=torch.int64)
    dynamic = {"tokens": {0: Dim("texts", min=1, max=_MAX_CLASSES)}}
    return GraphSpec(TextGraph(network), {"tokens": tokens}, ("embeddings",), dynamic)


_CLASSES = Dim("classes", min=1, max=_MAX_CLASSES)
_WORDS = Dim("attributes", min=1, max=_MAX_ATTRIBUTES)


def _bank_dims() -> dict[str, dict[int, Any]]:
    return {
        "class_embeddings": {0: _CLASSES},
        "attribute_embeddings": {0: _CLASSES, 1: _WORDS},
        "attribute_mask": {0: _CLASSES, 1: _WORDS},
    }
