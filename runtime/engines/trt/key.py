"""What an engine was built for, and how large its inputs may be.

An engine runs on one GPU model, one TensorRT and one graph. Its key says which, so that an engine
for another place is refused before TensorRT reads a byte of it.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ...errors import EngineError
from ...labels.labels import MAX_ATTRIBUTES, MAX_LABELS

MAX_STREAMS = 64
DEFAULT_STREAMS, DEFAULT_LABELS, DEFAULT_ATTRIBUTES = 4, 512, 16
# What kernels are tuned for, where more is allowed.
_USUAL_LABELS, _USUAL_ATTRIBUTES = 128, 8

Shape = tuple[int, ...]
_Size = Annotated[int, Meta(ge=1, le=2**31)]
_Text = Annotated[str, Meta(max_length=1000)]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest inputs that an engine takes; the smallest are of size 1."""

    streams: _Size = 1  # frames or windows at once, B
    frames: _Size = 1  # of a window, T
    labels: _Size = 1  # C
    attributes: _Size = 1  # of a label, W

    def covers(self, other: "Limits") -> bool:
        """Whether everything that fits into `other` fits here."""
        return self.joined(other) == self

    def joined(self, other: "Limits") -> "Limits":
        """Return the smallest limits that cover both."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        streams, frames, labels, attributes = (max(pair) for pair in pairs)
        return Limits(streams=streams, frames=frames, labels=labels, attributes=attributes)

    def roomy(self) -> "Limits":
        """Return limits with room for more labels, so that one more needs no new build."""
        labels = min(MAX_LABELS, max(DEFAULT_LABELS, 1 << (self.labels - 1).bit_length()))
        wide = max(DEFAULT_ATTRIBUTES, 1 << (self.attributes - 1).bit_length())
        attributes = min(MAX_ATTRIBUTES, wide)
        return dataclasses.replace(self, labels=labels, attributes=attributes)

    def shapes(self, name: str, shape: Sequence[int]) -> tuple[Shape, Shape, Shape]:
        """Return the smallest, the usual and the largest shape of a graph's input.

        Args:
            name: of the input.
            shape: with -1 for each size that is dynamic.

        Raises:
            EngineError: a size is dynamic that the graph of a bundle fixes.
        """
        axes = _AXES.get(name, _STATE_AXES)
        if any(size < 0 for size in shape[len(axes) :]):
            raise EngineError(
                f"The input {name} {list(shape)} of the graph has more dynamic sizes than "
                "TensorRT can be given: export the bundle again."
            )
        usual = dataclasses.replace(
            self,
            labels=min(self.labels, _USUAL_LABELS),
            attributes=min(self.attributes, _USUAL_ATTRIBUTES),
        )

        def filled(limits: Limits) -> Shape:
            sizes = [getattr(limits, axis) for axis in axes]
            sizes += shape[len(axes) :]
            return tuple(s if fixed < 0 else fixed for s, fixed in zip(sizes, shape, strict=False))

        return filled(Limits()), filled(usual), filled(self)


# Which of the limits each axis of an input has; other names are frame states over time.
_AXES = {
    "frames": ("streams",),
    "tokens": ("streams",),
    "class_embeddings": ("labels",),
    "attribute_embeddings": ("labels", "attributes"),
    "attribute_mask": ("labels", "attributes"),
}
_STATE_AXES = ("streams", "frames", "labels", "attributes")
BANK_INPUTS = ("class_embeddings", "attribute_embeddings", "attribute_mask")


@dataclass(frozen=True, kw_only=True)
class EngineKey:
    """What must be the same for an engine to be used."""

    family: _Text  # "tensorrt" or "tensorrt_rtx"
    version: _Text  # TensorRT's
    capability: _Text  # of the GPU, "8.7"; those that it was compiled for, "8.6,8.9", with RTX
    # See `cuda.Gpu`; empty with RTX, whose engines move between GPUs
    device: _Text
    cuda: _Text
    driver: _Text
    l4t: _Text
    graph: _Text  # sha256 of the ONNX file
    precision: _Text  # the bundle's
    limits: Limits  # how large its inputs may be

    def why_not(self, wanted: "EngineKey") -> str | None:
        """Return why an engine of this key cannot serve `wanted`, as a clause.

        Returns:
            Such as "it was built with TensorRT 10.3.0 and this is 10.16.1"; None if it can.
        """
        for field, words in _WORDS.items():
            ours, theirs = getattr(self, field), getattr(wanted, field)
            if field == "capability" and self.family == "tensorrt_rtx":
                ours = theirs if theirs in ours.split(",") else ours
            if ours != theirs:
                return f"it was built {words} {ours or 'none'} and this is {theirs or 'none'}"
        if not self.limits.covers(wanted.limits):
            return f"it takes {_in_words(self.limits)}, and {_in_words(wanted.limits)} are needed"
        return None

    def to_json(self, engine_sha256: str) -> str:
        """Return the key with the hash of its engine as JSON."""
        return json.dumps({**dataclasses.asdict(self), "engine": engine_sha256}, indent=1) + "\n"


_WORDS = {
    "family": "by",
    "version": "with TensorRT",
    "graph": "from the graph",
    "precision": "in",
    "capability": "for compute capability",
    "device": "on",
    "cuda": "with a driver for CUDA",
    "driver": "with driver",
    "l4t": "on Jetson Linux",
}


def _in_words(limits: Limits) -> str:
    return (
        f"{limits.labels} labels with {limits.attributes} attributes in {limits.frames} frames "
        f"of {limits.streams} streams"
    )
