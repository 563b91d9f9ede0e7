"""The spatial similarity f in training: the largest cosines without keeping all of them.

Shapes: N frames, P patches, D joint width, C classes, W attributes. All cosines are N·P·C·W
numbers, and only N·C of them win. They are computed in pieces, and the gradient goes to the winning
patch and attribute alone.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_PIECE_BYTES = 64 << 20


def best_match(patches_npd: Tensor, words_cwd: Tensor, mask_cw: Tensor) -> Tensor:
    """Return f [N, C]: the largest cosine over a frame's patches and a class's attributes.

    Args:
        patches_npd: unit vectors.
        words_cwd: unit vectors.
        mask_cw: bool, false where a class has no such attribute.
    """
    return _BestMatch.apply(patches_npd, words_cwd, mask_cw)  # type: ignore[no-any-return]


class _BestMatch(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, patches: Tensor, words: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        flat = words.flatten(0, 1)
        found = patches.new_empty(len(patches), len(words))
        # Where the winner lies among the P·C·W cosines of its frame.
        places = torch.empty_like(found, dtype=torch.int64)
        first_word = torch.arange(len(words), device=words.device) * words.shape[1]
        for piece in _pieces(patches, flat):
            cosines, patch = (patches[piece] @ flat.T).max(1)
            # No cosine is below -1, so a masked attribute never wins.
            cosines = torch.where(mask, cosines.unflatten(-1, mask.shape), -2.0)
            found[piece], word = cosines.max(-1)
            word = word + first_word
            places[piece] = patch.gather(1, word) * len(flat) + word
        ctx.save_for_backward(patches, words, places)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # type: ignore[override]
        patches, words, places = ctx.saved_tensors
        flat = words.flatten(0, 1)
        wants_patches, wants_words, _ = ctx.needs_input_grad
        of_patches = torch.empty_like(patches) if wants_patches else None
        of_words = torch.zeros_like(flat) if wants_words else None
        for piece in _pieces(patches, flat):
            # Two classes never share a place, so that nothing is added up in an order by chance.
            rows = patches[piece]
            routed = rows.new_zeros(len(rows), rows.shape[1] * len(flat))
            routed.scatter_(1, places[piece], gradient[piece])
            routed = routed.view(len(rows), rows.shape[1], len(flat))
            if of_patches is not None:
                of_patches[piece] = routed @ flat
            if of_words is not None:
                of_words += routed.flatten(0, 1).T @ rows.flatten(0, 1)
        return of_patches, None if of_words is None else of_words.view_as(words), None


def _pieces(patches: Tensor, flat_words: Tensor) -> Iterator[slice]:
    """Yield frames whose cosines take `_PIECE_BYTES` at most, or one frame's."""
    of_frame = patches.shape[1] * len(flat_words) * patches.element_size()
    size = max(1, _PIECE_BYTES // of_frame)
    for start in range(0, len(patches), size):
        yield slice(start, start + size)
