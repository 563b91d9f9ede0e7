"""The manifest: what a bundle says about itself, as frozen types with one JSON form.

The runtime reads this format and therefore defines it; `stzsar.export` writes it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ..documents import DocumentError, convert, from_json
from ..errors import BundleError

FORMAT_VERSION = 5
FEATURES_SINCE = 3
MAX_MANIFEST_BYTES = 2**20
MAX_SIZE_PX = 4096
MAX_FRAMES = 1024
MAX_RATE_FPS = 1000
MAX_SEEN_LABELS, MAX_SEEN_BIAS = 10_000, 100
MAX_PROMPTS, MAX_PROMPT = 256, 1000
# Of CLIP's weights as they are, which no training here has touched.
UNTRAINED_HEAD = "what CLIP knows of single frames; its interaction head is not trained"
FRAME_EMBEDDING, PATCH_EMBEDDINGS = "frame_embedding", "patch_embeddings"

PRECISIONS = ("fp32", "fp16", "int8")

Precision = Annotated[str, Meta(pattern=f"^({'|'.join(PRECISIONS)})$")]
Size = Annotated[int, Meta(ge=1, le=MAX_SIZE_PX)]
Frames = Annotated[int, Meta(ge=1, le=MAX_FRAMES)]
Rate = Annotated[float, Meta(gt=0, le=MAX_RATE_FPS)]
Names = tuple[Annotated[str, Meta(max_length=100)], ...]
Triple = tuple[float, float, float]
# A row of tokens holds the start, the end, and something between them.
Tokens = Annotated[int, Meta(ge=3, le=4096)]
_Scalar = str | int | float | bool | None
# The network's configuration has parts, and these have no further ones.
_Part = dict[str, _Scalar | list[_Scalar]]
_Model = dict[str, _Scalar | list[_Scalar] | _Part]


class PixelSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the frame graph expects: uint8 `[B, size_px, size_px, 3]`, BGR as OpenCV gives it.

    A frame's centre square is cut out and resized to `size_px` (`preprocessing.pixels`). Colour
    order, scaling, `mean` and `std` (RGB, of values in 0..1) are inside the graph; people find them
    here.
    """

    size_px: Size
    mean: Triple
    std: Triple


class SamplingSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The frames of one window: `frames` of them, taken `rate_fps` times a second."""

    frames: Frames
    rate_fps: Rate

    @property
    def window_s(self) -> float:
        """Length of a full window in seconds."""
        return self.frames / self.rate_fps


class BundleSampling(SamplingSpec, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The frames of one window, and `max_frames`: how many the window graph takes at most."""

    max_frames: Frames

    def __post_init__(self) -> None:
        if self.max_frames < self.frames:
            raise ValueError(f"max_frames {self.max_frames} is less than frames {self.frames}")


class TextSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to feed the text graph: prompts around the words, and the token count of a row.

    The embedding of a text is the mean of its unit embeddings within each prompt, as a unit vector.
    """

    prompts: Annotated[tuple[str, ...], Meta(max_length=MAX_PROMPTS)]
    context_length: Tokens

    def __post_init__(self) -> None:
        check_prompts(self.prompts)


def check_prompts(prompts: Sequence[str]) -> None:
    """Raise ValueError unless these are one or more different sentences with a place for a text."""
    if not 1 <= len(prompts) <= MAX_PROMPTS or len(set(prompts)) != len(prompts):
        raise ValueError(f"there are 1 to {MAX_PROMPTS} different prompts, got {len(prompts)}")
    if any(len(prompt) > MAX_PROMPT for prompt in prompts):
        raise ValueError(f"a prompt has at most {MAX_PROMPT} characters")
    if any(prompt.count("{}") != 1 for prompt in prompts):
        raise ValueError("a prompt holds {} once")


class WeightsOrigin(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Where the weights come from, and what a person must know before trusting them.

    Attributes:
        source: the network, and in brackets what open_clip calls the weights.
        knows: what a network with them recognises, as the end of "it knows …".
        licence: the licence of the weights, as an SPDX identifier or by name; "" is not recorded.
        url: the page of those who publish them; "" is not recorded.
        revision: the commit of that page's repository; "" is not recorded.
        sha256: the hash of the file of weights; "" is not recorded.
    """

    source: str
    knows: str
    licence: str = ""
    url: str = ""
    revision: str = ""
    sha256: str = ""


class SeenLabels(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The labels that training saw, and how much it made the network prefer them.

    Attributes:
        labels: their names.
        bias: how far their logits are above those of labels that training did not see; None if
            training did not measure it.
    """

    labels: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_SEEN_LABELS)]
    bias: Annotated[float, Meta(ge=0, le=MAX_SEEN_BIAS)] | None


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the runtime must know about a bundle before it opens a graph.

    Attributes:
        name: of the network and the data that it was trained on.
        created: when it was exported, in ISO 8601.
        precision: of the graphs, "fp32", "fp16" or "int8".
        opset: of ONNX, which the graphs are written in.
        pixels: what the frame graph expects of pictures.
        sampling: frames of a window, and how many there are a second.
        states: the frame-state tensors, in the order in which the frame graph returns them; the
            window graph takes the same names with a time axis.
        label_states: the states that depend on the labels, float32 [B, C] or [B, C, W]. The state
            graph computes them from the features and other labels; a bundle without label states
            has no state graph.
        features: outputs of the frame graph that do not depend on labels: `frame_embedding` [B, D]
            and `patch_embeddings` [B, P, D]. Patches lie in the joint space: products of their unit
            vectors with attributes are cosines. Bundles of older formats have none.
        patch_grid: rows and columns of the patches, which are counted row by row from the top
            left; None without patches.
        text: how labels are embedded on the device; None where the bundle has no text encoder.
        weights: where the weights come from, and what they know.
        seen: the labels of the training; None where it is not known or there was none.
        model: the configuration of the network, for people to read.
        versions: of the packages that exported it.
        files: sha256 of each file by its name.
        format_version: of this document.
    """

    name: str
    created: str
    precision: Precision
    opset: Annotated[int, Meta(ge=1, le=1000)]
    pixels: PixelSpec
    sampling: BundleSampling
    states: Names
    label_states: Names
    features: Names
    patch_grid: tuple[Size, Size] | None
    text: TextSpec | None
    weights: WeightsOrigin
    seen: SeenLabels | None = None
    model: Mapping[str, Any]
    versions: Mapping[str, str]
    files: Annotated[Mapping[str, str], Meta(max_length=64)]
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if not self.states or len(set(self.states)) != len(self.states):
            raise ValueError(f"states are one or more different names, got {self.states!r:.80}")
        if not set(self.label_states) <= set(self.states):
            raise ValueError(f"label_states are some of the states, got {self.label_states!r:.80}")
        if not set(self.features) <= {FRAME_EMBEDDING, PATCH_EMBEDDINGS}:
            raise ValueError(f"features are known names, got {self.features!r:.80}")
        if (self.patch_grid is None) != (PATCH_EMBEDDINGS not in self.features):
            raise ValueError(f"patches have a grid, got {self.patch_grid!r:.80}")

    def to_json(self) -> str:
        """Return the manifest as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: bytes | str, *, where: str) -> "Manifest":
        """Read a manifest of this format or an older one.

        Args:
            text: the JSON document.
            where: the path that error messages name.

        Raises:
            BundleError: it is no JSON object, of a newer format, or lacks or misstates a field.
        """
        try:
            version = from_json(text, _Version).format_version
        except DocumentError as error:
            raise BundleError(
                f"{where} is not a stzsar manifest ({error}): export the bundle again."
            ) from error
        if not 1 <= version <= FORMAT_VERSION:
            raise BundleError(
                f"{where} has format version {version} and this stzsar reads 1 to "
                f"{FORMAT_VERSION}: upgrade stzsar, or export the bundle again."
            )
        try:
            document = from_json(text, dict[str, Any])
            for older in range(version, FORMAT_VERSION):
                document = _MIGRATIONS[older](document)
            found = convert(document, cls)
            convert(found.model, _Model)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = f"it lacks {error}" if isinstance(error, KeyError) else error
            raise BundleError(
                f"{where} is not a valid manifest ({why}): export the bundle again."
            ) from error
        return found


class _Version(Struct):
    format_version: Annotated[int, Meta(ge=-(10**6), le=10**6)]


def _from_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 2 names the kinds of frame encoder and tokenizer; before, there was one of each."""
    model = document["model"]
    parts = {
        "vision": {"kind": "vit", **model.get("vision", {})},
        "text": {"tokenizer": "clip", **model.get("text", {})},
    }
    return {**document, "model": {**model, **parts}, "format_version": 2}


def _from_2(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 3 adds features and a state graph; older frame graphs return states alone."""
    temporal = document["model"].get("temporal")
    sampling = document["sampling"]
    # Without a temporal transformer, export traced windows of up to 256 frames.
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


def _from_3(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 4 says which labels training saw, the licence of the weights, and where they lie."""
    return {**document, "seen": None, "format_version": 4}


def _from_4(document: Mapping[str, Any]) -> dict[str, Any]:
    """Format 5 may have several prompts."""
    text = document["text"]
    if text is not None:
        text = {"prompts": [text["prompt"]], "context_length": text["context_length"]}
    model = {name: value for name, value in document["model"].items() if name != "prompt"}
    if "prompt" in document["model"]:
        model["prompts"] = [document["model"]["prompt"]]
    return {**document, "text": text, "model": model, "format_version": 5}


# From each older format to the next. tests/data keeps a bundle of every format.
_MIGRATIONS: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    1: _from_1,
    2: _from_2,
    3: _from_3,
    4: _from_4,
}
