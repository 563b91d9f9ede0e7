"""Describes a bundle: its origin, accuracy, size, and the devices it runs on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ..runtime.bundle.bundle import MANIFEST, PARITY, Bundle, find_bundle
from ..runtime.bundle.manifest import TextSpec, WeightsOrigin
from ..runtime.documents import MIB, from_json, read_file
from ..runtime.engines.opening import open_graph
from ..runtime.engines.trt.graph import RTX_ENGINES
from ..runtime.engines.trt.key import EngineKey
from ..runtime.engines.trt.store import ENGINES, EngineStore
from ..runtime.errors import BundleError
from ..runtime.fetch.fill import FILLED_BY
from ..runtime.scoring.scorer import check_graphs
from ..runtime.terminal.commandline import printable
from ..runtime.text.encoder import TextEncoder
from .engines import GRAPHS

_SHOWN_LABELS = 6
_MAX_CHARACTERS = 1000
_RUNS_ON = {
    "fp32": "any CPU; CUDA and TensorRT",
    "fp16": "CUDA and TensorRT; on a CPU fp32 is faster",
    "int8": "TensorRT; a CPU with VNNI",
}


@dataclass(frozen=True, kw_only=True)
class InspectOptions:
    """`bundle` is the folder to inspect; None takes the newest under runs/, or the shipped one."""

    bundle: Path | None = None


@dataclass(frozen=True)
class Description:
    """Facts about the bundle in `path` by name; lists have one item per line."""

    path: Path
    facts: dict[str, str | list[str]]

    def to_json(self) -> str:
        return json.dumps(self.facts, indent=2)

    def table(self) -> Table:
        title = Text(printable(str(self.path)))
        table = Table(title=title, show_header=False, title_justify="left")
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in self.facts.items():
            lines = value if isinstance(value, list) else [value]
            text = "\n".join(printable(line)[:_MAX_CHARACTERS] for line in lines)
            table.add_row(name, Text(text))
        return table


def inspect(options: InspectOptions) -> Description:
    """Check a bundle and describe it.

    Example:
        >>> inspect(InspectOptions(bundle=Path("runs/mine/bundle-fp32"))).facts["runs on"]
        ... # doctest: +SKIP
        'any CPU; CUDA and TensorRT'

    Raises:
        BundleError, EngineError: the bundle cannot be used.
    """
    bundle = Bundle.open(options.bundle or find_bundle())
    _check_that_it_loads(bundle)
    return Description(bundle.path, _describe(bundle))


def _check_that_it_loads(bundle: Bundle) -> None:
    """Load every graph: hashes only show that nothing changed since the export."""
    frame, window = (open_graph(bundle.path / name, engine="onnxruntime") for name in GRAPHS)
    check_graphs(bundle, frame, window, bundle.bank)
    if bundle.manifest.text:
        TextEncoder(bundle).load()


def _describe(bundle: Bundle) -> dict[str, str | list[str]]:
    manifest, bank = bundle.manifest, bundle.bank
    pixels, sampling = manifest.pixels, manifest.sampling
    shown = ", ".join(bank.names[:_SHOWN_LABELS])
    more = len(bank.labels) - _SHOWN_LABELS
    attributes = int(bank.attribute_mask.sum(1).max())
    sizes = {name: (bundle.path / name).stat().st_size / 2**20 for name in manifest.files}
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    return {
        "format": f"{_format_on_disk(bundle)}, unchanged since its export (sha256 of every file)",
        "weights": f"{manifest.weights.source}; knows {manifest.weights.knows}",
        **_licence(manifest.weights),
        "network": _network(bundle),
        "precision": f"{manifest.precision}, ONNX opset {manifest.opset}",
        "runs on": _RUNS_ON[manifest.precision],
        "pixels": f"{pixels.size_px} x {pixels.size_px} px, centre square",
        "window": f"{sampling.frames} frames, {sampling.rate_fps:g} a second, "
        f"{sampling.window_s:g} s",
        "labels": f"{len(bank.labels)} with up to {attributes} attributes: {shown}"
        + (f" and {more} more" if more > 0 else ""),
        "other labels": "embedded on the device (text.onnx)"
        if manifest.text
        else "none: it has no text encoder",
        "prompts": _prompts(manifest.text),
        "trained on": _seen(bundle),
        "features": _features(bundle),
        "parity": _parity(bundle),
        "size": [
            f"{sum(sizes.values()):.1f} MiB",
            *(f"{name} {size:.1f} MiB" for name, size in sizes.items()),
        ],
        "engines": _engines(bundle),
        "made": f"{manifest.created}, with {versions}",
    }


def _prompts(text: TextSpec | None) -> str:
    if text is None:
        return "unknown: it has no text encoder"
    first, *more = text.prompts
    return f"{first!r}" + (f" and {len(more)} more, averaged" if more else "")


def _licence(weights: WeightsOrigin) -> dict[str, str | list[str]]:
    """Return the licence and the origin of the weights, if the bundle records them."""
    revision = f"revision {weights.revision}" if weights.revision else ""
    sha256 = f"sha256 {weights.sha256}" if weights.sha256 else ""
    origin = [line for line in (weights.url, revision, sha256) if line]
    licence: dict[str, str | list[str]] = {"licence": weights.licence} if weights.licence else {}
    return {**licence, **({"origin": origin} if origin else {})}


def _format_on_disk(bundle: Bundle) -> str:
    # An opened manifest always has the newest format.
    document = json.loads((bundle.path / MANIFEST).read_text(encoding="utf-8"))
    written, read = document["format_version"], bundle.manifest.format_version
    return str(written) if written == read else f"{written} (read as {read})"


def _network(bundle: Bundle) -> str:
    model = bundle.manifest.model
    vision = model.get("vision", {})
    if not isinstance(vision, dict):
        raise BundleError(
            f"{bundle.path / MANIFEST} is not a valid manifest (model.vision is not an object). "
            "Export the bundle again."
        )
    return f"{model.get('name')}, {vision.get('kind', 'vit')}"


def _seen(bundle: Bundle) -> str:
    seen = bundle.manifest.seen
    if seen is None:
        return "no labels that it records"
    measured = (
        "not measured" if seen.bias is None else f"{seen.bias:.2f} logits, taken out of scores"
    )
    return f"{len(seen.labels)} labels; bias towards them: {measured}"


def _features(bundle: Bundle) -> str:
    """Return what explanations and recordings for other labels are computed from."""
    manifest = bundle.manifest
    if not manifest.features:
        reason = "older bundles have none" if manifest.label_states else "its states know no labels"
        return f"none: {reason}"
    grid = manifest.patch_grid
    patches = f", {grid[0]} x {grid[1]} patches" if grid else ""
    return ", ".join(manifest.features) + patches


def _parity(bundle: Bundle) -> str:
    versions = bundle.manifest.versions
    if PARITY not in bundle.manifest.files and FILLED_BY in versions:
        wrote = f"stzsar-export {versions.get('stzsar')} (torch {versions.get('torch')})"
        return f"filled from graphs that {wrote} wrote; not compared with torch on this machine"
    if PARITY not in bundle.manifest.files:
        return "not compared with torch"
    try:
        report: Any = from_json(read_file(bundle.path / PARITY, MIB), dict[str, Any])
        differences = report["differences"]
        worst = max(differences, key=lambda name: differences[name]["relative"])
        agreement = report["top1_agreement"]
        # Older bundles have one agreement for all graphs.
        same = min(agreement.values()) if isinstance(agreement, dict) else agreement
        return (
            f"{report['windows']} windows: same best label in {same:.1%}; largest difference from "
            f"torch in {worst}, {differences[worst]['relative']:.1e} of its largest value, cosine "
            f"{differences[worst]['cosine']:.6f}"
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise BundleError(
            f"{bundle.path / PARITY} is not a parity report ({type(error).__name__}). Export the "
            "bundle again."
        ) from error


def _engines(bundle: Bundle) -> list[str]:
    lines = []
    for folder in (ENGINES, RTX_ENGINES):
        store = EngineStore(bundle.path, folder)
        for graph in GRAPHS:
            path = store.find(Path(graph).stem)
            if path is None:
                continue
            read = store.read_key(path.stem)
            size = f"{path.stat().st_size / 2**20:.1f} MiB"
            shown = _engine(read[0], bundle, graph) if read else "never used: its key is unreadable"
            lines.append(f"{folder}/{path.name}, {size}: {shown}")
    return lines or ["none; the first run with TensorRT builds them"]


def _engine(key: EngineKey, bundle: Bundle, graph: str) -> str:
    same = (key.graph, key.precision) == (bundle.manifest.files[graph], bundle.manifest.precision)
    use = f"for this {graph}" if same else f"never used: for another {graph}"
    device = f"{key.device or 'RTX cards'} (compute capability {key.capability})"
    return f"{use}; {device}, {key.family} {key.version}, up to {key.limits.labels} labels"
