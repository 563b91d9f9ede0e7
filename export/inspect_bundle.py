"""stzsar-export inspect: what a bundle is, from what, how exact, how large, for which devices."""

import json
from pathlib import Path
from typing import Any

import cloup
from rich.table import Table
from rich.text import Text

from ..runtime.bundle.bundle import FRAME_GRAPH, MANIFEST, PARITY, WINDOW_GRAPH, Bundle, find_bundle
from ..runtime.engines.opening import open_graph
from ..runtime.engines.trt.graph import RTX_ENGINES
from ..runtime.engines.trt.key import EngineKey
from ..runtime.engines.trt.store import ENGINES, EngineStore
from ..runtime.errors import BundleError
from ..runtime.scoring.scorer import check_graphs
from ..runtime.terminal.commandline import Output, at_the_edge, printable
from ..runtime.text.encoder import TextEncoder

GRAPHS = (FRAME_GRAPH, WINDOW_GRAPH)
_NO_KEY = "without a readable key, so it is never used"
_SHOWN_LABELS = 6
_LONGEST = 1000
_RUNS_ON = {
    "fp32": "any CPU; CUDA and TensorRT",
    "fp16": "CUDA and TensorRT; on a CPU fp32 is faster",
    "int8": "TensorRT; a CPU with VNNI",
}


@cloup.command(name="inspect")
@cloup.argument(
    "bundle",
    required=False,
    help="The bundle's folder; the newest under runs/, or the one that ships, if left out.",
)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def inspect(bundle: str | None, *, as_json: bool) -> None:
    """Check a bundle and print what it is."""
    opened = Bundle.open(Path(bundle) if bundle else find_bundle())
    check_that_it_loads(opened)
    facts = describe(opened)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    table = Table(title=Text(printable(str(opened.path))), show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        lines = value if isinstance(value, list) else [str(value)]
        table.add_row(name, Text("\n".join(printable(line)[:_LONGEST] for line in lines)))
    Output().print(table)


def check_that_it_loads(bundle: Bundle) -> None:
    """Raise BundleError or EngineError if a graph is none, or not that of the manifest.

    The hashes only say that nothing was changed since the export.
    """
    frame, window = (open_graph(bundle.path / name, engine="onnxruntime") for name in GRAPHS)
    check_graphs(bundle, frame, window, bundle.bank)
    if bundle.manifest.text:
        TextEncoder(bundle)


def describe(bundle: Bundle) -> dict[str, Any]:
    """Return what there is to say of an opened bundle, by name, as JSON types."""
    manifest = bundle.manifest
    vision = manifest.model.get("vision", {})
    shown = ", ".join(bundle.bank.names[:_SHOWN_LABELS])
    more = len(bundle.bank.labels) - _SHOWN_LABELS
    attributes = int(bundle.bank.attribute_mask.sum(1).max())
    sizes = {name: (bundle.path / name).stat().st_size for name in manifest.files}
    return {
        "format": f"{_format_on_disk(bundle)}, unchanged since its export (sha256 of every file)",
        "weights": f"{manifest.weights.source}; knows {manifest.weights.knows}",
        "network": f"{manifest.model.get('name')}, {vision.get('kind', 'vit')}",
        "precision": f"{manifest.precision}, ONNX opset {manifest.opset}",
        "runs on": _RUNS_ON[manifest.precision],
        "pixels": f"{manifest.pixels.size_px} x {manifest.pixels.size_px} px, centre square",
        "window": f"{manifest.sampling.frames} frames, {manifest.sampling.rate_fps:g} a second, "
        f"{manifest.sampling.window_s:g} s",
        "labels": f"{len(bundle.bank.labels)} with up to {attributes} attributes: {shown}"
        + (f" and {more} more" if more > 0 else ""),
        "other labels": "embedded on the device (text.onnx)"
        if manifest.text
        else "none: it has no text encoder",
        "features": _features(bundle),
        "parity": _parity(bundle),
        "size": [
            f"{sum(sizes.values()) / 2**20:.1f} MiB",
            *(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes.items()),
        ],
        "engines": _engines(bundle),
        "made": f"{manifest.created}, with "
        + ", ".join(f"{name} {version}" for name, version in manifest.versions.items()),
    }


def _format_on_disk(bundle: Bundle) -> str:
    """Return the version in the manifest's file: an opened manifest is always of the newest."""
    document = json.loads((bundle.path / MANIFEST).read_text(encoding="utf-8"))
    written, read = document["format_version"], bundle.manifest.format_version
    return str(written) if written == read else f"{written} (read as {read})"


def _features(bundle: Bundle) -> str:
    """Say what explanations and recordings for other labels have to go on."""
    manifest = bundle.manifest
    if not manifest.features:
        none = "older bundles have none" if manifest.label_states else "its states know no labels"
        return f"none: {none}"
    grid = manifest.patch_grid
    patches = f", {grid[0]} x {grid[1]} patches" if grid else ""
    return ", ".join(manifest.features) + patches


def _parity(bundle: Bundle) -> str:
    """Sum up the comparison with torch; older bundles have one top-1 agreement for all."""
    if PARITY not in bundle.manifest.files:
        return "not compared with torch"
    try:
        report = json.loads((bundle.path / PARITY).read_text(encoding="utf-8"))
        worst = max(report["differences"], key=lambda name: report["differences"][name]["relative"])
        found = report["differences"][worst]
        agreement = report["top1_agreement"]
        same = min(agreement.values()) if isinstance(agreement, dict) else agreement
        return (
            f"{report['windows']} windows: same best label in {same:.1%}; farthest from torch is "
            f"{worst}, by {found['relative']:.1e} of its largest value, cosine "
            f"{found['cosine']:.6f}"
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BundleError(
            f"{bundle.path / PARITY} is no comparison with torch ({type(error).__name__}): export "
            "the bundle again."
        ) from error


def _engines(bundle: Bundle) -> list[str]:
    """Describe the engines beside the graphs, device by device."""
    found = []
    for folder in (ENGINES, RTX_ENGINES):
        store = EngineStore(bundle.path, folder)
        for graph in GRAPHS:
            path = store.find(Path(graph).stem)
            if path is None:
                continue
            read = store.read_key(path.stem)
            size = f"{path.stat().st_size / 2**20:.1f} MiB"
            shown = _engine(read[0], bundle, graph) if read else _NO_KEY
            found.append(f"{folder}/{path.name}, {size}: {shown}")
    return found or ["none; the first run with TensorRT builds them"]


def _engine(key: EngineKey, bundle: Bundle, graph: str) -> str:
    same = (key.graph, key.precision) == (bundle.manifest.files[graph], bundle.manifest.precision)
    source = f"of this {graph}" if same else f"not of this {graph}, so it is never used"
    where = f"{key.device or 'RTX cards'} (compute capability {key.capability})"
    return f"{source}; {where}, {key.family} {key.version}, up to {key.limits.labels} labels"
