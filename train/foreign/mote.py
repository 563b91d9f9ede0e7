"""MoTE: temporal experts, which testing merges into one, behind a gate for classes not seen."""

import dataclasses
import re

from torch import Tensor

from ...models.prompts import PROMPT_SETS
from ...runtime.errors import BundleError
from .containers import plain_reading
from .family import Choices, Family, ForeignFile, Keys, Reading
from .temporal import CLIP_S, FUSION, OURS, temporal_layers, towers_of

FRAMES = 8
_SEEN = f"{FUSION}spe_cls_feature"
_EXPERT = re.compile(r"(.*\.mlp)\.fc_(up|dn)\.(\d{1,3})\.(weight|bias)")
_FUSION_WEIGHT = re.compile(r"(.*\.mlp)\.mote_fusion_weight")
_LINEAR = {"up": "c_fc", "dn": "c_proj"}


def _is_mote(file: ForeignFile) -> bool:
    return _SEEN in file.tensors


def merged_experts(layers: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return layers with each block's experts merged into one MLP.

    Testing weighs the weights of the experts, not their outputs, so the merged MLP is exact.

    Raises:
        BundleError: a block lacks an expert, or has no weights for them.
    """
    shares = {
        found[1]: value.float().softmax(-1)
        for name, value in layers.items()
        if (found := _FUSION_WEIGHT.fullmatch(name))
    }
    merged: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for name, value in layers.items():
        expert = _EXPERT.fullmatch(name)
        if expert is None:
            if not _FUSION_WEIGHT.fullmatch(name):
                merged[name] = value
            continue
        block, way, number, kind = expert.groups()
        share = shares.get(block)
        if share is None or share.ndim != 1 or int(number) >= len(share):
            raise BundleError(f"{name!r:.120} has no weight among its experts: get the file again.")
        ours = f"{block}.{_LINEAR[way]}.{kind}"
        part = share[int(number)] * value.float()
        if ours in merged and merged[ours].shape != part.shape:
            raise BundleError(f"The experts of {ours!r:.120} differ in shape: get the file again.")
        merged[ours] = merged[ours] + part if ours in merged else part
        counts[ours] = counts.get(ours, 0) + 1
    for ours, count in counts.items():
        if count != len(shares[ours.rsplit(".", 2)[0]]):
            raise BundleError(f"{ours!r:.120} has {count} experts: get the file again.")
    return merged


def _read(keys: Keys, choices: Choices) -> Reading:
    towers = towers_of(keys, choices, "MoTE")
    seen = keys.take(_SEEN)
    temporal, layers = temporal_layers(keys, towers, gate_classes=len(seen) if seen.ndim else 0)
    reading = plain_reading(
        "mote",
        towers,
        choices,
        frames=FRAMES,
        rate_fps=FRAMES / CLIP_S,
        prompts=PROMPT_SETS["clip-kinetics"],
        view="mote",
        temporal=temporal,
    )
    gate = {f"{OURS}gate.seen_embeddings": seen} if temporal else {}
    return dataclasses.replace(
        reading, tensors={**towers.tensors, **merged_experts(layers), **gate}
    )


FAMILY = Family(
    name="mote",
    title="MoTE",
    source="https://github.com/ZMHH-H/MoTE",
    knows="the classes of Kinetics-400",
    licence="Apache-2.0",
    recognise=_is_mote,
    read=_read,
    share=0.99,
)
