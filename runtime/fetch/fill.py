"""Fills the graphs that ship without weights: a file of weights becomes a bundle."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..bundle.manifest import SamplingSpec, WeightsOrigin
from ..callbacks import OnEmbedded
from ..labels.labels import Label


@dataclass(frozen=True, kw_only=True)
class FillRequest:
    """A bundle to make of a file of weights.

    Attributes:
        backbone: open_clip's name, such as "ViT-B-32" or "ViT-B-32-quickgelu".
        precision: "fp32" or "fp16".
        weights: a safetensors file with open_clip's state dict.
        labels: the bank's labels.
        sampling: frames of a window; None takes the export's own, 8 at 4 a second.
        origin: origin of the weights, for the manifest.
    """

    backbone: str
    precision: str
    weights: Path
    labels: tuple[Label, ...]
    sampling: SamplingSpec | None = None
    origin: WeightsOrigin


def shipped_backbones() -> tuple[str, ...]:
    """Return the backbones whose graphs ship, by open_clip's names."""
    raise NotImplementedError


def fill_bundle(
    request: FillRequest,
    target: Path,
    *,
    tell: Callable[[str], object] = lambda _: None,
    on_progress: OnEmbedded | None = None,
) -> Path:
    """Write the bundle `target`, or nothing, and return it.

    Args:
        request: what to make.
        target: the bundle's folder. An existing bundle is replaced, except for its engines.
        tell: called with a few words at each step.
        on_progress: called while labels are embedded, with the number of texts done and of all.

    Raises:
        StzsarError: the backbone does not ship, the weights cannot be read or do not fit it, or
            `target` is not a bundle.
    """
    raise NotImplementedError
