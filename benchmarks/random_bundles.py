"""Random bundles and label banks: no time or size depends on what their numbers mean."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..runtime.bundle.bundle import TOKENIZER
from ..runtime.bundle.manifest import SamplingSpec
from ..runtime.engines.graph import Array
from ..runtime.labels.bank import LabelBank, stack_banks
from ..runtime.labels.labels import Label, as_labels

if TYPE_CHECKING:
    from ..models.stzsar import STZSAR

LABELS = as_labels(["archery", "waving a hand", "playing the guitar", "jumping"])
FRAMES = 8
# For --quick: exports in a second where others take a minute.
SMALLEST = "smallest-ViT"
_SMALLEST_CONFIG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "patch_size": 16, "width": 64, "layers": 2, "head_width": 32},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def export_random(
    name: str, folder: Path, *, labels: Sequence[Label] = LABELS, text_encoder: bool = True
) -> "STZSAR":
    """Write the fp32 bundle `folder`/`name`, compared with torch; return its network."""
    import torch

    from ..export.write_bundle import BundleRequest, write_bundle
    from ..models.config import HeadConfig
    from ..models.open_clip_towers import hub_tokenizer
    from ..models.pretrained import load_clip

    if name == SMALLEST:
        register_smallest()
    tokenizer = str(stand_in_tokenizer(folder)) if hub_tokenizer(name) else None
    torch.manual_seed(0)
    head = HeadConfig(interaction="residual")
    network, origin = load_clip(name, "none", head=head, tokenizer=tokenizer)
    request = BundleRequest(
        network=network,
        labels=labels,
        sampling=SamplingSpec(frames=FRAMES, rate_fps=4.0),
        origin=origin,
        precision="fp32",
        text_encoder=text_encoder,
    )
    write_bundle(request, folder / name)
    return network


def stand_in_tokenizer(folder: Path) -> Path:
    """Write CLIP's tokens with SigLIP2's special ones, whose own file is on the hub."""
    from ..models.tokenizer import CLIP_VOCABULARY, build_tokenizer

    document: dict[str, Any] = json.loads(build_tokenizer(CLIP_VOCABULARY, 64).to_str())
    words = document["model"]["vocab"]
    document["model"]["vocab"] = {"<pad>": 0, "<eos>": 1, **{w: i + 2 for w, i in words.items()}}
    document |= {"added_tokens": [], "post_processor": None, "padding": None, "truncation": None}
    path = folder / TOKENIZER
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def register_smallest() -> None:
    """Make SMALLEST known to open_clip."""
    import open_clip

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{SMALLEST}.json"
        path.write_text(json.dumps(_SMALLEST_CONFIG), encoding="utf-8")
        open_clip.add_model_config(path)  # reads it at once


def random_bank(labels: int, attributes: int, dim: int) -> LabelBank:
    """Return a bank of so many labels with so many attributes each, always the same."""
    rng = np.random.default_rng(0)
    words = tuple(f"attribute {index + 1}" for index in range(attributes))
    return LabelBank(
        tuple(Label(f"random label {index + 1}", attributes=words) for index in range(labels)),
        _unit(rng.standard_normal((labels, dim), dtype=np.float32)),
        _unit(rng.standard_normal((labels, attributes, dim), dtype=np.float32)),
        np.ones((labels, attributes), bool),
    )


def resized(bank: LabelBank, labels: int) -> LabelBank:
    """Return the first `labels` labels of a bank, filled up with random ones.

    A random label has as many attributes as the bank has room for.
    """
    own = bank.select(range(min(labels, len(bank.labels))))
    missing = labels - len(own.labels)
    if missing <= 0:
        return own
    return stack_banks([own, random_bank(missing, *bank.attribute_embeddings.shape[1:])])


def _unit(vectors: Array) -> Array:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
