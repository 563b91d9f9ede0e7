"""The manifest: what a bundle says of itself, as frozen types with one JSON form.

The runtime reads this format and therefore defines it; `stzsar.export` writes it. Standard
library only.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import BundleError

FORMAT_VERSION = 1
PRECISIONS = ("fp32", "fp16")


@dataclass(frozen=True, kw_only=True)
class PixelSpec:
    """What the frame graph expects: uint8 `[B, size_px, size_px, 3]`, BGR as OpenCV gives it.

    A frame's centre square is cut out and resized to `size_px` (`runtime.pixels`).
    Colour order, scaling, `mean` and `std` (RGB, of values in 0..1) are inside the graph; they are
    recorded here for people only.
    """

    size_px: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if self.size_px < 1:
            raise ValueError(f"size_px must be positive, got {self.size_px}")


@dataclass(frozen=True, kw_only=True)
class SamplingSpec:
    """The frames of one window: `frames` of them, taken `rate_fps` times a second."""

    frames: int
    rate_fps: float

    def __post_init__(self) -> None:
        if self.frames < 1 or not self.rate_fps > 0:
            raise ValueError(f"a window needs frames and a rate, got {self}")

    @property
    def window_s(self) -> float:
        """Length of a full window in seconds."""
        return self.frames / self.rate_fps


@dataclass(frozen=True, kw_only=True)
class TextSpec:
    """How the text graph is fed: prompts around the words, and the token count of a row."""

    prompt: str
    context_length: int

    def __post_init__(self) -> None:
        if self.prompt.count("{}") != 1:
            raise ValueError(f"a prompt holds {{}} once, got {self.prompt!r}")


@dataclass(frozen=True, kw_only=True)
class WeightsOrigin:
    """Where the weights came from, and what a person must know before trusting them."""

    source: str
    knows: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything that the runtime must know of a bundle before it opens a graph.

    `states` names the frame-state tensors, in the order in which the frame graph gives them; the
    window graph takes the same names with a time axis. `files` maps each file to its sha256.
    """

    name: str
    created: str
    precision: str
    opset: int
    pixels: PixelSpec
    sampling: SamplingSpec
    states: tuple[str, ...]
    text: TextSpec | None
    weights: WeightsOrigin
    model: Mapping[str, Any]
    versions: Mapping[str, str]
    files: Mapping[str, str]
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if not self.states:
            raise ValueError("a bundle has at least one frame-state tensor")

    def to_json(self) -> str:
        """Return the manifest as indented JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, *, where: str) -> "Manifest":
        """Read a manifest.

        Args:
            text: the JSON document.
            where: the path that error messages name.

        Raises:
            BundleError: it is no JSON object, of a newer format, or lacks or misstates a field.
        """
        try:
            document = json.loads(text)
            version = document["format_version"]
        except (ValueError, TypeError, KeyError) as error:
            raise BundleError(f"{where} is not a stzsar manifest: {error}.") from error
        if version != FORMAT_VERSION:
            raise BundleError(
                f"{where} has format version {version!r} and this stzsar reads "
                f"{FORMAT_VERSION}: upgrade stzsar, or export the bundle again."
            )
        try:
            return cls(
                **{
                    **document,
                    "pixels": _read(PixelSpec, document["pixels"]),
                    "sampling": _read(SamplingSpec, document["sampling"]),
                    "text": None if document["text"] is None else _read(TextSpec, document["text"]),
                    "weights": _read(WeightsOrigin, document["weights"]),
                    "states": tuple(document["states"]),
                    "files": dict(document["files"]),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"{where} is not a valid manifest: {error}.") from error


def _read(kind: type, fields: Mapping[str, Any]) -> Any:
    """Build `kind` from JSON, whose arrays become tuples."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
