"""Spatial similarity f for training, without storing every cosine.

Shapes: N frames, P patches, D joint width, C classes, W attributes. Only N·C of the N·P·C·W cosines
win. They are computed in chunks, and the gradient flows to the winning patch and attribute alone.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_CHUNK_BYTES = 64 << 20


def best_match(patches_npd: Tensor, words_cwd: Tensor, mask_cw: Tensor) -> Tensor:
    """Return f [N, C]: the largest cosine over a frame's patches and a class's attributes.

    Patches and words are unit vectors; the mask is false where a class has fewer attributes.
    """
    return _BestMatch.apply(patches_npd, words_cwd, mask_cw)  # type: ignore[no-any-return]


class _BestMatch(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, patches: Tensor, words: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        flat = words.flatten(0, 1)
        found = patches.new_empty(len(patches), len(words))
        # Index of the winner among the P·C·W cosines of its frame.
        winners = torch.empty_like(found, dtype=torch.int64)
        first_word = torch.arange(len(words), device=words.device) * words.shape[1]
        for chunk in _chunks(patches, flat):
            cosines, patch = (patches[chunk] @ flat.T).max(1)
            # Cosines are at least -1, so a masked attribute never wins.
            cosines = torch.where(mask, cosines.unflatten(-1, mask.shape), -2.0)
            found[chunk], word = cosines.max(-1)
            word = word + first_word
            winners[chunk] = patch.gather(1, word) * len(flat) + word
        ctx.save_for_backward(patches, words, winners)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # type: ignore[override]
        patches, words, winners = ctx.saved_tensors
        flat = words.flatten(0, 1)
        wants_patches, wants_words, _ = ctx.needs_input_grad
        patch_gradient = torch.empty_like(patches) if wants_patches else None
        word_gradient = torch.zeros_like(flat) if wants_words else None
        for chunk in _chunks(patches, flat):
            # Two classes never share an index, so the scatter is deterministic.
            rows = patches[chunk]
            routed = rows.new_zeros(len(rows), rows.shape[1] * len(flat))
            routed.scatter_(1, winners[chunk], gradient[chunk])
            routed = routed.view(len(rows), rows.shape[1], len(flat))
            if patch_gradient is not None:
                patch_gradient[chunk] = routed @ flat
            if word_gradient is not None:
                word_gradient += routed.flatten(0, 1).T @ rows.flatten(0, 1)
        return patch_gradient, None if word_gradient is None else word_gradient.view_as(words), None


def _chunks(patches: Tensor, flat_words: Tensor) -> Iterator[slice]:
    """Yield slices of frames whose cosines fit into `_CHUNK_BYTES`, at least one frame each."""
    frame_bytes = patches.shape[1] * len(flat_words) * patches.element_size()
    size = max(1, _CHUNK_BYTES // frame_bytes)
    for start in range(0, len(patches), size):
        yield slice(start, start + size)
