"""Writes a bundle: all files into a temporary folder, compared with torch, hashed, then renamed."""

import datetime
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from ..models.label_texts import embed_labels
from ..models.stzsar import STZSAR
from ..models.tokenizer_file import tokenizer_of
from ..models.transformer import write_out_attention
from ..runtime.atomic import written_whole
from ..runtime.bundle.bundle import (
    BANK,
    FRAME_GRAPH,
    MANIFEST,
    PARITY,
    STATE_GRAPH,
    TEXT_GRAPH,
    TOKENIZER,
    WINDOW_GRAPH,
    check_free,
    hashes_of,
)
from ..runtime.bundle.manifest import (
    MAX_FRAMES,
    PATCH_EMBEDDINGS,
    BundleSampling,
    Manifest,
    PixelSpec,
    SamplingSpec,
    SeenLabels,
    TextSpec,
    WeightsOrigin,
)
from ..runtime.engines.trt.store import ENGINES
from ..runtime.errors import StzsarError
from ..runtime.fetch.card import write_card
from ..runtime.labels.bank import LabelBank
from ..runtime.labels.labels import Label
from .calibration import Calibration
from .folding import folded_for_inference
from .fp16 import to_fp16
from .graphs import BANK_INPUTS, GraphSpec, frame_spec, state_spec, text_spec, window_spec
from .int8 import to_int8
from .parity import ParityReport, compare
from .to_onnx import OPSET, trace

_MAX_FRAMES_WITHOUT_TEMPORAL = 256
_MAX_GRAPH_BYTES = 2**31 - 2**24  # protobuf's limit, minus room for nodes
_VERSIONS = ("torch", "onnx", "onnxscript", "onnxruntime", "open_clip_torch", "timm")


@dataclass(frozen=True, kw_only=True)
class BundleRequest:
    network: STZSAR  # the network, on the CPU
    labels: Sequence[Label]  # the bank's labels
    sampling: SamplingSpec  # frames of a window
    origin: WeightsOrigin  # origin of the weights, for the manifest
    seen: SeenLabels | None = None  # the labels that training saw; None without training
    precision: str  # "fp32", "fp16" or "int8"
    text_encoder: bool  # whether devices can embed new labels
    calibration: Calibration | None = None  # frames for int8; None for other precisions

    def __post_init__(self) -> None:
        if (self.precision == "int8") != (self.calibration is not None):
            raise ValueError("int8 needs a calibration; other precisions must not have one")


def write_bundle(
    request: BundleRequest, target: Path, *, say: Callable[[str], None] = lambda _: None
) -> ParityReport:
    """Write the bundle `target`, or nothing; it replaces an existing one, but for its engines.

    Raises:
        ParityError: the graphs differ too much from the network.
        StzsarError: `target` is not a bundle, or the network is too large, cannot be traced, or
            does not fit into fp16.
    """
    check_free(target)
    _check_size(request.network, text_encoder=request.text_encoder)
    # Engines record the hash of their graph, so those that still fit can stay.
    with written_whole(target, keep=[ENGINES]) as folder, torch.no_grad():
        write_graphs(request, folder, say=say)
        say(f"embedding {len(request.labels)} labels")
        bank = embed_labels(request.network, request.labels)
        bank.save(folder / BANK)
        if request.text_encoder:
            network = request.network
            tokenizer = tokenizer_of(network.config.text, network.tokenizer_json)
            (folder / TOKENIZER).write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
        say("comparing with torch")
        report = compare_graphs(request, folder, bank)
        report.check()
        report.save(folder / PARITY)
        # The manifest comes last: a folder that has one is complete.
        manifest = describe(request, target.name, hashes_of(folder))
        (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
        write_card(folder, bank)  # people edit it, so the manifest does not list it
    return report


def write_graphs(
    request: BundleRequest, folder: Path, *, say: Callable[[str], None] = lambda _: None
) -> None:
    """Write the graphs of `request` into `folder`, without comparing them."""
    for name, spec in graph_specs(request).items():
        say(f"tracing {name}")
        model = trace(spec)
        if request.precision == "fp16":
            model = in_fp16(model, name)
        elif request.calibration and name == FRAME_GRAPH:
            say(f"calibrating {name}")
            example = {key: spec.inputs[key].numpy() for key in BANK_INPUTS}
            frames = request.calibration.frames_bhwc
            model = to_int8(model, frames, example, scratch=folder)
        onnx.save(model, folder / name)


@torch.no_grad()
def graph_specs(request: BundleRequest) -> dict[str, GraphSpec]:
    """Return how to trace each graph of `request`, by the graph's file name."""
    # Traces the folded network; the comparison is with the original one.
    network = folded_for_inference(request.network.eval())
    write_out_attention(network)
    specs = {
        FRAME_GRAPH: frame_spec(network),
        WINDOW_GRAPH: window_spec(network, _longest_window(request)),
    }
    if network.head.label_states:
        specs[STATE_GRAPH] = state_spec(network)
    if request.text_encoder:
        specs[TEXT_GRAPH] = text_spec(network)
    return specs


def traced_graphs(request: BundleRequest) -> Iterator[tuple[str, onnx.ModelProto]]:
    """Yield each graph of `request` in fp32, with its file name."""
    for name, spec in graph_specs(request).items():
        yield name, trace(spec)


def in_fp16(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Return the graph `name` in fp16."""
    # Everything in the state graph depends on the bank and stays fp32.
    return model if name == STATE_GRAPH else to_fp16(model)


def compare_graphs(request: BundleRequest, folder: Path, bank: LabelBank) -> ParityReport:
    """Compare the graphs with torch on drawn images; int8 on held-out frames of its videos."""
    frames = request.calibration
    return compare(
        folder,
        request.network,
        bank,
        precision=request.precision,
        window_frames=request.sampling.frames,
        images_bhwc=frames.held_out_bhwc if frames else None,
        pictures=f"frames of {frames.source}" if frames else "drawn pictures",
    )


def _check_size(network: STZSAR, *, text_encoder: bool) -> None:
    towers: dict[str, tuple[torch.nn.Module, str]] = {
        "frame encoder": (network.visual, "Use ViT-L-14 or a smaller one")
    }
    if text_encoder:
        towers["text encoder"] = (network.text, "Leave it out with --no-text-encoder")
    for tower, (module, remedy) in towers.items():
        size = sum(tensor.numel() * tensor.element_size() for tensor in module.parameters())
        if size > _MAX_GRAPH_BYTES:
            raise StzsarError(
                f"The {tower} of {network.config.name} has {size / 2**30:.1f} GiB of weights, and "
                f"an ONNX file holds less than 2. {remedy}."
            )


def _longest_window(request: BundleRequest) -> int:
    temporal = request.network.config.temporal
    if temporal:
        return min(temporal.max_frames, MAX_FRAMES)
    return max(_MAX_FRAMES_WITHOUT_TEMPORAL, request.sampling.frames)


def describe(request: BundleRequest, name: str, files: Mapping[str, str]) -> Manifest:
    """Return the manifest of the bundle `name` with `files`, the sha256 of each by its name."""
    network, sampling = request.network, request.sampling
    config, vision = network.config, network.config.vision
    return Manifest(
        name=name,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        precision=request.precision,
        opset=OPSET,
        pixels=PixelSpec(size_px=vision.image_px, mean=vision.mean, std=vision.std),
        sampling=BundleSampling(
            frames=sampling.frames, rate_fps=sampling.rate_fps, max_frames=_longest_window(request)
        ),
        states=network.state_names,
        label_states=network.head.label_states,
        features=network.feature_names,
        patch_grid=vision.patch_grid if PATCH_EMBEDDINGS in network.feature_names else None,
        text=TextSpec(prompts=config.prompts, context_length=config.text.context_length)
        if request.text_encoder
        else None,
        weights=request.origin,
        seen=request.seen,
        model=config.to_json(),
        versions={name: _version(name) for name in ("stzsar", *_VERSIONS)},
        files=files,
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
