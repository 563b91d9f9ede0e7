"""The manifest: what a bundle says of itself, as frozen types with one JSON form.

The runtime reads this format and therefore defines it; `stzsar.export` writes it. Standard
library only.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import BundleError

FORMAT_VERSION = 3
PRECISIONS = ("fp32", "fp16", "int8")
MAX_SIZE_PX = 4096
MAX_FRAMES = 1024
MAX_RATE_FPS = 1000
FRAME_EMBEDDING, PATCH_EMBEDDINGS = "frame_embedding", "patch_embeddings"
# A row of tokens holds the start, the end, and something between them.
MIN_TOKENS, MAX_TOKENS = 3, 4096


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
        _check_whole_number("size_px", self.size_px, 1, MAX_SIZE_PX)


@dataclass(frozen=True, kw_only=True)
class SamplingSpec:
    """The frames of one window: `frames` of them, taken `rate_fps` times a second."""

    frames: int
    rate_fps: float

    def __post_init__(self) -> None:
        _check_whole_number("frames", self.frames, 1, MAX_FRAMES)
        if not (type(self.rate_fps) in (int, float) and 0 < self.rate_fps <= MAX_RATE_FPS):
            raise ValueError(
                f"rate_fps is above 0 and at most {MAX_RATE_FPS}, got {self.rate_fps!r:.40}"
            )

    @property
    def window_s(self) -> float:
        """Length of a full window in seconds."""
        return self.frames / self.rate_fps


@dataclass(frozen=True, kw_only=True)
class BundleSampling(SamplingSpec):
    """The frames of one window, and `max_frames`: how many the window graph takes at most."""

    max_frames: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_whole_number("max_frames", self.max_frames, self.frames, MAX_FRAMES)


@dataclass(frozen=True, kw_only=True)
class TextSpec:
    """How the text graph is fed: prompts around the words, and the token count of a row."""

    prompt: str
    context_length: int

    def __post_init__(self) -> None:
        if self.prompt.count("{}") != 1:
            raise ValueError(f"a prompt holds {{}} once, got {self.prompt!r}")
        self.prompt.encode()  # the tokenizer takes no lone surrogates
        _check_whole_number("context_length", self.context_length, MIN_TOKENS, MAX_TOKENS)


@dataclass(frozen=True, kw_only=True)
class WeightsOrigin:
    """Where the weights came from, and what a person must know before trusting them."""

    source: str
    knows: str

    def __post_init__(self) -> None:
        if not (isinstance(self.source, str) and isinstance(self.knows, str)):
            raise ValueError(f"where weights come from is said in words, got {self}")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything that the runtime must know of a bundle before it opens a graph.

    Attributes:
        states: the frame-state tensors, in the order in which the frame graph gives them; the
            window graph takes the same names with a time axis.
        label_states: those of them that depend on the labels, float32 [B, C] or [B, C, W]. The
            state graph makes them of the features and other labels; without any there is none.
        features: what of a frame does not depend on labels, beside its states: further outputs of
            the frame graph, of `frame_embedding` [B, D] and `patch_embeddings` [B, P, D]. Patches
            lie in the joint space: their unit vectors' products with attributes are cosines. A
            bundle of an older format has none.
        patch_grid: rows and columns of the patches, which are counted row by row from the top
            left; None without patches.
        files: sha256 of each file by its name.
    """

    name: str
    created: str
    precision: str
    opset: int
    pixels: PixelSpec
    sampling: BundleSampling
    states: tuple[str, ...]
    label_states: tuple[str, ...]
    features: tuple[str, ...]
    patch_grid: tuple[int, int] | None
    text: TextSpec | None
    weights: WeightsOrigin
    model: Mapping[str, Any]
    versions: Mapping[str, str]
    files: Mapping[str, str]
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        words = (self.name, self.created, *self.versions, *self.versions.values())
        if not all(isinstance(word, str) for word in words) or type(self.opset) is not int:
            raise ValueError("name, date and versions are words, and opset is a number")
        names = [name for name in self.states if isinstance(name, str)]
        if not names or len(set(names)) != len(self.states):
            raise ValueError(f"states are one or more different names, got {self.states!r:.80}")
        if not set(self.label_states) <= set(self.states):
            raise ValueError(f"label_states are some of the states, got {self.label_states!r:.80}")
        if not set(self.features) <= {FRAME_EMBEDDING, PATCH_EMBEDDINGS}:
            raise ValueError(f"features are known names, got {self.features!r:.80}")
        self._check_grid()

    def _check_grid(self) -> None:
        if (self.patch_grid is None) != (PATCH_EMBEDDINGS not in self.features):
            raise ValueError(f"patches have a grid, got {self.patch_grid!r:.80}")
        if self.patch_grid is not None:
            rows, columns = self.patch_grid
            _check_whole_number("rows of the patch_grid", rows, 1, MAX_SIZE_PX)
            _check_whole_number("columns of the patch_grid", columns, 1, MAX_SIZE_PX)

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
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BundleError(f"{where} is not a stzsar manifest: {error}.") from error
        if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
            raise BundleError(
                f"{where} has format version {version!r:.40} and this stzsar reads 1 to "
                f"{FORMAT_VERSION}: upgrade stzsar, or export the bundle again."
            )
        try:
            for older in range(version, FORMAT_VERSION):
                document = _MIGRATIONS[older](document)
            return cls(
                **{
                    **document,
                    "pixels": _read(PixelSpec, document["pixels"]),
                    "sampling": _read(BundleSampling, document["sampling"]),
                    "text": None if document["text"] is None else _read(TextSpec, document["text"]),
                    "weights": _read(WeightsOrigin, document["weights"]),
                    "states": tuple(document["states"]),
                    "label_states": tuple(document["label_states"]),
                    "features": tuple(document["features"]),
                    "patch_grid": document["patch_grid"] and tuple(document["patch_grid"]),
                    "model": _mappings(document["model"]),
                    "versions": dict(document["versions"].items()),
                    "files": dict(document["files"].items()),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BundleError(f"{where} is not a valid manifest: {error}.") from error


def _read(kind: type, fields: Mapping[str, Any]) -> Any:
    """Build `kind` from JSON, whose arrays become tuples."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})


def _from_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 2 says which kind of frame encoder and tokenizer there is; there was one of each."""
    model = document["model"]
    parts = {
        "vision": {"kind": "vit", **model.get("vision", {})},
        "text": {"tokenizer": "clip", **model.get("text", {})},
    }
    return {**document, "model": {**model, **parts}, "format_version": 2}


def _from_2(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 3 has features and a state graph; older frame graphs give states alone."""
    temporal = document["model"].get("temporal")
    sampling = document["sampling"]
    # Export traced windows of up to so many frames where no temporal transformer set the bound.
    longest = temporal["max_frames"] if temporal else 256
    known = ("class_similarity", "attribute_similarity", "spatial")
    return {
        **document,
        "sampling": {
            **sampling,
            "max_frames": max(min(longest, MAX_FRAMES), sampling["frames"]),
        },
        "label_states": [name for name in document["states"] if name in known],
        "features": [],
        "patch_grid": None,
        "format_version": 3,
    }


# From each older format to the next. A bundle of every format is kept in tests/data.
_MIGRATIONS: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _from_1, 2: _from_2}


def _mappings(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return the network's description; its parts "vision" and "text" are mappings, if there."""
    parts = {name: dict(model[name].items()) for name in ("vision", "text") if name in model}
    return {**model, **parts}


def _check_whole_number(name: str, value: object, low: int, high: int) -> None:
    # A bool is an int too, and JSON's 4.0 is a float.
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} is a whole number from {low} to {high}, got {value!r:.40}")
