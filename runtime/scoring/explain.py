"""Explains a window's label: the frames, patches and attributes that led to it.

The method's f is the largest cosine over patches and attributes; an explanation says where it lies.
The frame graph returns patches whose dot products at unit length are these cosines; everything
learned stays inside the graph.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.bundle import Bundle
from ..bundle.manifest import FEATURES_SINCE, PATCH_EMBEDDINGS
from ..errors import BundleError
from ..labels.labels import Label
from ..results import Explanation, FrameReason

# Shorter vectors have no direction; the graphs use the same bound.
_SHORTEST = 1e-12

Array = npt.NDArray[Any]


def check_explainable(bundle: Bundle) -> None:
    """Refuse a bundle that cannot explain its results.

    Raises:
        BundleError: its frame graph returns no patches.
    """
    if PATCH_EMBEDDINGS in bundle.manifest.features:
        return
    interaction = bundle.manifest.model.get("head", {}).get("interaction")
    if interaction in ("off", "mean", "transport"):
        raise BundleError(
            f"The bundle {bundle.path} does not use patches (interaction {interaction!r}), so it "
            "cannot explain results: train or export with --interaction product."
        )
    raise BundleError(
        f"The bundle {bundle.path} has no patches, like all bundles before format "
        f"{FEATURES_SINCE}: export it again to explain results."
    )


def explain(
    label: Label,
    words_nd: Array,
    *,
    saliency_t: Array,
    patches_tpd: Array,
    times_s: Sequence[float],
    grid: tuple[int, int],
) -> Explanation:
    """Return the attribute and the patch of each frame that fit a label best.

    Args:
        label: the label, with its N attributes.
        words_nd: their unit embeddings, [N, D].
        saliency_t: S of that label, [T].
        patches_tpd: the frames' patch embeddings [T, P, D], not normalised.
        times_s: the frames' times, T of them.
        grid: rows and columns of the patches.

    Raises:
        ValueError: the patches do not fill the grid, or sizes differ.
    """
    frames, count = patches_tpd.shape[:2]
    if not frames == len(times_s) == len(saliency_t) or len(words_nd) != len(label.attributes):
        raise ValueError("frames, times and saliency, attributes and embeddings come in pairs")
    if count != grid[0] * grid[1]:
        raise ValueError(f"{count} patches do not fill a grid of {grid[0]} x {grid[1]}")
    cosines_tpn = unit(patches_tpd) @ words_nd.T
    return Explanation(
        label.name,
        tuple(
            _reason(label, time_s, weight, cosines_pn, grid)
            for time_s, weight, cosines_pn in zip(times_s, saliency_t, cosines_tpn, strict=True)
        ),
    )


def unit(vectors: Array) -> Array:
    """Return vectors [..., D] at unit length; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, _SHORTEST)


def _reason(
    label: Label, time_s: float, weight: float, cosines_pn: Array, grid: tuple[int, int]
) -> FrameReason:
    patch, attribute = np.unravel_index(cosines_pn.argmax(), cosines_pn.shape)
    row, column = divmod(int(patch), grid[1])
    heat = cosines_pn.max(1).reshape(grid)
    return FrameReason(
        time_s=time_s,
        weight=float(weight),
        attribute=label.attributes[attribute],
        similarity=float(cosines_pn[patch, attribute]),
        patch=(row, column),
        heat=tuple(tuple(cosines) for cosines in heat.tolist()),
    )
