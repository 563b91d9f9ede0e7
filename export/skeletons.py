"""Writes the graphs that ship without their weights: `python -m stzsar.export.skeletons`.

A network of random weights goes through the exporter. Each of its tensors differs from all others,
so that those of the graphs are told by their values; what is left of the graphs does not depend on
the weights. `runtime/fetch` fills the graphs again, and tests compare the result with an export of
other weights, byte by byte.
"""

import gzip
import io
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from ..models.config import HeadConfig
from ..models.pretrained import load_clip
from ..models.stzsar import STZSAR
from ..models.tokenizer import CLIP_CONTEXT, CLIP_VOCABULARY, build_tokenizer
from ..runtime.atomic import write_file
from ..runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from ..runtime.fetch.expressions import Array, Expression, evaluate, tensors_in
from ..runtime.fetch.fill import LOGIT_SCALE
from ..runtime.fetch.skeletons import (
    FOLDER,
    RECORD,
    TOKENIZER_FILE,
    Record,
    packed_tokenizer,
)
from ..runtime.labels.labels import Label
from ..runtime.terminal.commandline import say
from .folding import folded_for_inference
from .recorded import Recorded
from .to_onnx import trace
from .write_bundle import BundleRequest, describe, graph_specs, in_fp16

BACKBONES = (
    "MobileCLIP2-S0",
    "MobileCLIP2-S2",
    "ViT-B-16",
    "ViT-B-16-quickgelu",
    "ViT-B-32",
    "ViT-B-32-quickgelu",
)
PRECISIONS = ("fp32", "fp16")
# A larger tensor of floats that is not of the weights has escaped us.
_MOST_CONSTANTS = 3
_Candidates = Sequence[tuple[Expression, Array]]


def random_weights(backbone: str, seed: int) -> dict[str, torch.Tensor]:
    """Return a state dict of open_clip in which all tensors differ, statistics and biases too."""
    import open_clip

    weights = open_clip.create_model(backbone, pretrained=None).state_dict()
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in weights.items():
        if tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=generator)
            # Variances are positive. Others stay near their start, where networks are tame.
            if name.endswith("running_var"):
                tensor.mul_(0.5 + noise)
            else:
                tensor.add_(0.05 * (noise - 0.5))
    return weights


def network_of(
    backbone: str, weights: dict[str, torch.Tensor], folder: Path
) -> tuple[STZSAR, WeightsOrigin]:
    """Return our network as stzsar-export builds it from a file of `weights` in `folder`."""
    from safetensors.torch import save_file

    path = folder / f"{backbone}.safetensors"
    save_file({name: value.contiguous() for name, value in weights.items()}, path)
    return load_clip(backbone, str(path), head=HeadConfig(interaction="residual"))


def export_request(
    network: STZSAR,
    origin: WeightsOrigin,
    precision: str,
    labels: Sequence[Label] = (Label("nothing"),),
) -> BundleRequest:
    """Return the request of `stzsar-export --backbone NAME` for `labels`."""
    return BundleRequest(
        network=network,
        labels=labels,
        sampling=SamplingSpec(frames=8, rate_fps=4.0),
        origin=origin,
        precision=precision,
        text_encoder=True,
    )


def exported_graphs(
    network: STZSAR, origin: WeightsOrigin
) -> Iterator[tuple[str, str, onnx.ModelProto]]:
    """Yield the graphs of an export in each precision, with their precision and file name."""
    for name, spec in graph_specs(export_request(network, origin, "fp32")).items():
        model = trace(spec)
        half = in_fp16(onnx.ModelProto.FromString(model.SerializeToString()), name)
        yield from (("fp32", name, model), ("fp16", name, half))


def write_skeleton(backbone: str, folder: Path) -> Path:
    """Export `backbone`, and write its graphs without their weights to a zip in `folder`.

    Raises:
        ValueError: a tensor of a graph is neither a constant nor made of the state dict.
    """
    with tempfile.TemporaryDirectory() as scratch:
        weights = random_weights(backbone, seed=0)
        network, origin = network_of(backbone, weights, Path(scratch))
        candidates = _candidates(network, weights)
        ways: dict[str, dict[str, dict[str, Expression]]] = {one: {} for one in PRECISIONS}
        graphs: dict[str, bytes] = {}
        for precision, name, model in exported_graphs(network, origin):
            ways[precision][name] = _emptied(model.graph, candidates)
            graphs[f"{precision}/{name}"] = model.SerializeToString()
    manifest = describe(export_request(network, origin, "fp32"), backbone, {})
    # It compares graphs with torch, and these were not.
    versions = {n: version for n, version in manifest.versions.items() if n != "onnxruntime"}
    nobody = WeightsOrigin(source="none", knows="nothing")
    manifest = msgspec.structs.replace(manifest, created="", weights=nobody, versions=versions)
    used = {
        name
        for graph in ways[PRECISIONS[0]].values()
        for way in graph.values()
        for name in tensors_in(way)
    }
    record = Record(
        manifest=msgspec.to_builtins(manifest),
        tensors={n: tuple(v.shape) for n, v in sorted(weights.items()) if n in used},
        ignored=sorted(weights.keys() - used),
        ways=ways,
    )
    files = {RECORD: msgspec.json.encode(record), **graphs}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            # A fixed date: the same graphs make the same file.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / f"{backbone}.zip", content.getvalue())
    return folder / f"{backbone}.zip"


def write_tokenizer(folder: Path) -> None:
    """Write CLIP's tokenizer, which all shipped backbones share, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = build_tokenizer(CLIP_VOCABULARY, CLIP_CONTEXT).to_str(pretty=True)
    write_file(folder / TOKENIZER_FILE, gzip.compress(packed_tokenizer(text), mtime=0))


@torch.no_grad()
def _candidates(network: STZSAR, weights: dict[str, torch.Tensor]) -> _Candidates:
    """Return what a graph's tensor may be: the expression and its value."""
    named = dict(_as_open_clip(network, weights))
    with Recorded(named) as recorded:
        folded = folded_for_inference(network.eval())
    made: dict[str, Expression] = {}
    for name, tensor in [*folded.named_parameters(), *folded.named_buffers()]:
        ours = name.startswith(("visual.", "text.")) and ".pixels." not in name
        if ours and tensor.is_floating_point():
            made[name] = recorded.expression(tensor)
    made[LOGIT_SCALE] = LOGIT_SCALE
    expressions: list[Expression] = [*made.values(), ["exp", LOGIT_SCALE]]
    expressions += _with_batch_norm(folded, made)
    values = {name: tensor.numpy() for name, tensor in weights.items()}
    return [(one, np.asarray(evaluate(one, values.__getitem__))) for one in expressions]


def _as_open_clip(
    network: STZSAR, weights: dict[str, torch.Tensor]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the tensors of our network by the names that open_clip's state dict has for them."""
    for name, tensor in network.state_dict().items():
        if not tensor.is_floating_point():
            continue
        tower, _, rest = name.partition(".")
        found = next((n for n in (name, rest) if n in weights and tower != "head"), None)
        if found is not None:
            assert torch.equal(tensor, weights[found]), found
            yield found, tensor


def _with_batch_norm(network: nn.Module, made: dict[str, Expression]) -> Iterator[Expression]:
    """Yield weight and bias of the convolutions that the exporter merges with a batch norm.

    These are the operations of onnxscript's rule, in its order.
    """
    for name, module in network.named_modules():
        convolution, norm = getattr(module, "conv", None), getattr(module, "bn", None)
        if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
            continue
        mean, variance = (made[f"{name}.bn.running_{what}"] for what in ("mean", "var"))
        gain = ["div", made[f"{name}.bn.weight"], ["sqrt", ["add", variance, norm.eps]]]
        yield ["mul", made[f"{name}.conv.weight"], ["reshape", gain, [-1, 1, 1, 1]]]
        yield ["add", ["mul", ["sub", 0.0, mean], gain], made[f"{name}.bn.bias"]]


def _emptied(graph: Any, candidates: _Candidates) -> dict[str, Expression]:
    """Take the data out of the tensors of `graph` that are made of weights; return what of."""
    ways = {}
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        is_float = values.dtype.kind == "f"
        found = list(_ways(values, candidates)) if is_float else []
        if len(found) > 1 or (is_float and not found and values.size > _MOST_CONSTANTS):
            raise ValueError(f"{tensor.name} {list(values.shape)} may be {found}")
        if found:
            ways[tensor.name] = found[0]
            tensor.ClearField("raw_data")
    return ways


def _ways(values: Array, candidates: _Candidates) -> Iterator[Expression]:
    """Yield how `values` may be made: of a candidate as it is, or transposed.

    The same numbers may differ in the last bit: torch's square root does from NumPy's.
    """
    most = 4 * np.finfo(values.dtype).eps * np.abs(values).max()
    first = (0,) * values.ndim  # in which most differ
    for way, found in candidates:
        for one, array in ((way, found), (["transpose", way], found.T)):
            if (
                array.shape == values.shape
                and abs(array[first] - values[first]) <= most
                and np.allclose(array.astype(values.dtype), values, rtol=0, atol=most)
            ):
                yield one
                break


def main() -> None:
    """Write all that ships."""
    write_tokenizer(FOLDER)
    for backbone in BACKBONES:
        path = write_skeleton(backbone, FOLDER)
        say(f"Wrote {path.name}, {path.stat().st_size / 1024:.0f} KiB.")


if __name__ == "__main__":
    main()
