"""The modules that are traced: thin wrappers of STZSAR with named inputs and outputs.

They take a tuple of tensors and a bank. Batch B, frames T, classes C and attributes W are dynamic.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from ..models.interaction import Bank
from ..models.stzsar import STZSAR

BANK_INPUTS = Bank._fields
_BATCH = Dim("batch", min=1, max=64)
_CLASSES = Dim("classes", min=1, max=10_000)
_WORDS = Dim("attributes", min=1, max=64)
_BANK_DIMS: dict[str, dict[int, Any]] = {
    "class_embeddings": {0: _CLASSES},
    "attribute_embeddings": {0: _CLASSES, 1: _WORDS},
    "attribute_mask": {0: _CLASSES, 1: _WORDS},
}
Tensors = tuple[Tensor, ...]


@dataclass(frozen=True)
class GraphSpec:
    """A module to trace, with example inputs, output names and dynamic sizes."""

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    dynamic: dict[str, dict[int, Any]]


class _Graph(nn.Module):
    def __init__(self, network: STZSAR) -> None:
        super().__init__()
        self.network = network


class FrameGraph(_Graph):
    """Frames and bank to frame states and features."""

    def forward(self, frames: Tensors, bank: Tensors) -> Tensors:
        """Map uint8 BGR [B, S, S, 3] to `state_names`, then `feature_names`, [B, …] each."""
        state, features = self.network.encode_with_features(frames[0], Bank(*bank))
        return (*(state[name] for name in self.network.state_names), *features.values())


class StateGraph(_Graph):
    """Features and bank to the label-dependent part of frame states."""

    def forward(self, features: Tensors, bank: Tensors) -> Tensors:
        """Map `feature_names` [B, …] to `STIHead.label_states`, [B, …] each."""
        named = dict(zip(self.network.feature_names, features, strict=True))
        state = self.network.head.label_state(named, Bank(*bank))
        return tuple(state[name] for name in self.network.head.label_states)


class WindowGraph(_Graph):
    """Windows of frame states and bank to logits, saliency and scale."""

    def forward(self, states: Tensors, bank: Tensors) -> Tensors:
        """Map `state_names` [B, T, …] to logits [B, C], saliency [B, C, T] and exp(γ)."""
        named = dict(zip(self.network.state_names, states, strict=True))
        return tuple(self.network.score_window(named, Bank(*bank)))


class TextGraph(_Graph):
    """Tokens to unit embeddings."""

    def forward(self, tokens: Tensors) -> Tensors:
        """Map int64 [N, L] to [N, D]."""
        return (self.network.encode_text(tokens[0]),)


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
    inputs = {"frames": _frames(network, 2), **example_bank(network)._asdict()}
    outputs = (*network.state_names, *network.feature_names)
    return GraphSpec(FrameGraph(network), inputs, outputs, {"frames": {0: _BATCH}, **_BANK_DIMS})


@torch.no_grad()
def state_spec(network: STZSAR) -> GraphSpec:
    """Return how to trace the state graph, for a network whose states depend on labels.

    The number of patches is dynamic too: a recording may hold some of them only.
    """
    bank = example_bank(network)
    _, features = network.encode_with_features(_frames(network, 2), bank)
    axes: dict[str, dict[int, Any]] = {name: {0: _BATCH} for name in features}
    if "patch_embeddings" in axes:
        axes["patch_embeddings"][1] = Dim("patches", min=1, max=1 << 16)
    inputs = {**features, **bank._asdict()}
    return GraphSpec(StateGraph(network), inputs, network.head.label_states, {**axes, **_BANK_DIMS})


@torch.no_grad()
def window_spec(network: STZSAR, max_frames: int) -> GraphSpec:
    """Return how to trace the window graph, for windows of up to `max_frames` frames."""
    bank = example_bank(network)
    state = network.encode_frames(_frames(network, 6), bank)
    states = {name: state[name].unflatten(0, (2, 3)) for name in network.state_names}
    time = Dim("time", min=1, max=max(2, max_frames))
    of_labels = {
        "class_similarity": {2: _CLASSES},
        "attribute_similarity": {2: _CLASSES, 3: _WORDS},
        "spatial": {2: _CLASSES},
    }
    axes = {name: {0: _BATCH, 1: time, **of_labels.get(name, {})} for name in states}
    inputs = {**states, **bank._asdict()}
    outputs = ("logits", "saliency", "scale")
    return GraphSpec(WindowGraph(network), inputs, outputs, {**axes, **_BANK_DIMS})


def text_spec(network: STZSAR) -> GraphSpec:
    tokens = torch.ones((2, network.config.text.context_length), dtype=torch.int64)
    dynamic = {"tokens": {0: Dim("texts", min=1, max=10_000)}}
    return GraphSpec(TextGraph(network), {"tokens": tokens}, ("embeddings",), dynamic)


def _frames(network: STZSAR, count: int) -> Tensor:
    size = network.config.vision.image_px
    return torch.zeros((count, size, size, 3), dtype=torch.uint8)
