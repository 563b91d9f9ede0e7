"""Fills the graphs that ship without weights: a file of weights becomes a bundle."""

import datetime
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ..atomic import written_whole
from ..bundle.bundle import BANK, MANIFEST, TEXT_GRAPH, TOKENIZER, Bundle, check_free, hashes_of
from ..bundle.manifest import BundleSampling, Manifest, SamplingSpec, WeightsOrigin
from ..callbacks import OnEmbedded
from ..engines.trt.store import ENGINES
from ..errors import BundleError, StzsarError
from ..labels.bank import LabelBank
from ..labels.labels import Label
from ..text.encoder import TextEncoder
from .expressions import Array, evaluate
from .onnx_writer import empty_tensors, write_filled
from .skeletons import Skeleton, read_skeleton, read_tokenizer
from .weights import WeightsFile, open_weights

LOGIT_SCALE = "logit_scale"
# Beside weights, files of OpenAI's and of older versions of open_clip hold these.
_NO_WEIGHTS = {"attn_mask", "context_length", "input_resolution", "position_ids", "vocab_size"}
FILLED_BY = "stzsar-fetch"


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
    check_free(target)
    skeleton = read_skeleton(request.backbone, request.precision)
    # A bank is embedded in fp32, as the export does: on a CPU that is faster too.
    exact = skeleton if request.precision == "fp32" else read_skeleton(request.backbone, "fp32")
    manifest = _manifest(request, skeleton.manifest, target.name)
    with written_whole(target, keep=[ENGINES]) as folder:
        (folder / TOKENIZER).write_text(read_tokenizer(), encoding="utf-8")
        with open_weights(request.weights) as weights:
            check_weights(weights, skeleton, request.backbone)
            manifest = _with_scale(manifest, _read(weights, skeleton, LOGIT_SCALE))
            for name in sorted(skeleton.graphs):
                if name != TEXT_GRAPH:
                    tell(f"filling {name}")
                    _fill(weights, skeleton, name, folder)
            tell(f"embedding {len(request.labels)} labels")
            _fill(weights, exact, TEXT_GRAPH, folder)
            _embed(folder, manifest, request.labels, on_progress).save(folder / BANK)
            if exact is not skeleton:
                _fill(weights, skeleton, TEXT_GRAPH, folder)
        whole = msgspec.structs.replace(manifest, files=hashes_of(folder))
        # The manifest comes last: a folder that has one is complete.
        (folder / MANIFEST).write_text(whole.to_json(), encoding="utf-8")
    return target


def check_weights(weights: WeightsFile, skeleton: Skeleton, backbone: str) -> None:
    """Check that the file holds the tensors of the backbone, in their shapes, and no others.

    Raises:
        BundleError: it does not.
    """
    wanted, found = skeleton.tensors, weights.shapes
    known = skeleton.ignored | wanted.keys()
    left_over = [n for n in found if n not in known and n.split(".")[-1] not in _NO_WEIGHTS]
    missing = [name for name in wanted if name not in found]
    problem = ""
    for names, what in ((missing, "lacks"), (left_over, "also holds")):
        if names and not problem:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            problem = f"it {what} {names[0]!r:.100}{more}"
    for name, shape in wanted.items():
        # Of a single number, files hold [] or [1].
        if not problem and found[name] != shape and not (shape == () and found[name] == (1,)):
            problem = f"its {name} is {list(found[name])}, expected {list(shape)}"
    if problem:
        raise BundleError(
            f"{weights.path} does not hold weights of {backbone}: {problem}. Name a file with "
            "open_clip's state dict of that backbone."
        )


def _fill(weights: WeightsFile, skeleton: Skeleton, name: str, folder: Path) -> None:
    """Write the graph `name` into `folder`."""
    graph, ways = skeleton.graphs[name], skeleton.ways[name]
    kinds = empty_tensors(graph)

    def read(tensor: str) -> Array:
        return _read(weights, skeleton, tensor)

    def values(tensor: str) -> Array:
        kind, shape = kinds[tensor]
        exact = np.asarray(evaluate(ways[tensor], read)).reshape(shape)
        return _cast(exact, kind, tensor, weights.path)

    write_filled(graph, folder / name, values)


def _read(weights: WeightsFile, skeleton: Skeleton, name: str) -> Array:
    return weights.read(name).reshape(skeleton.tensors[name])


def _cast(values: Array, kind: str, name: str, path: Path) -> Array:
    """Return `values` in the type of the graph; infinities that fp16 makes are refused."""
    with np.errstate(over="ignore"):
        cast = values.astype(kind, copy=False)
    if cast is not values and not np.array_equal(np.isfinite(cast), np.isfinite(values)):
        raise BundleError(
            f"{path} does not fit into fp16 (the largest value of {name} is "
            f"{np.abs(values).max():g}): use fp32."
        )
    return cast


def _embed(
    folder: Path, manifest: Manifest, labels: tuple[Label, ...], on_progress: OnEmbedded | None
) -> LabelBank:
    """Embed the labels with the graph and tokenizer that lie in `folder`."""
    dim = int(manifest.model["dim"])
    nothing = np.zeros((1, dim), np.float32)
    bank = LabelBank((Label("nothing"),), nothing, nothing[None], np.ones((1, 1), bool))
    bundle = Bundle(folder, msgspec.structs.replace(manifest, files=hashes_of(folder)), bank)
    return TextEncoder(bundle).bank_for(labels, on_progress)


def _with_scale(manifest: Manifest, logit_scale: Array) -> Manifest:
    """Write the scale of the weights into the configuration, which starts a training with it."""
    head = {**manifest.model["head"], "initial_scale": float(np.exp(logit_scale))}
    return msgspec.structs.replace(manifest, model={**manifest.model, "head": head})


def _manifest(request: FillRequest, exported: Manifest, name: str) -> Manifest:
    own = request.sampling or exported.sampling
    longest = exported.sampling.max_frames
    if own.frames > longest:
        raise StzsarError(
            f"A window of {own.frames} frames is longer than the {longest} that the graphs of "
            f"{request.backbone} take: use fewer."
        )
    return msgspec.structs.replace(
        exported,
        name=name,
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        sampling=BundleSampling(frames=own.frames, rate_fps=own.rate_fps, max_frames=longest),
        weights=request.origin,
        versions={
            FILLED_BY: importlib.metadata.version("stzsar"),
            **exported.versions,
        },
    )
