"""The model card of a bundle: README.md in its folder, in the form of the hub.

The manifest does not list it: people edit cards, and nothing reads them but people.
`python -m stzsar.runtime.fetch.card FOLDER` writes the card of a bundle that has none.
"""

import sys
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from ..atomic import write_file
from ..bundle.bundle import MANIFEST, PARITY, read_manifest
from ..bundle.manifest import Manifest, SeenLabels
from ..documents import MIB, DocumentError, from_json, read_file
from ..errors import BundleError
from ..labels.bank import LabelBank
from .catalogue import OURS, Licence, licence_named

CARD = "README.md"
_MAX_PARITY_BYTES = MIB
_SHOWN_SEEN = 400


class _Difference(Struct):
    absolute: float


class _Parity(Struct):
    """What the card tells of parity.json."""

    differences: Annotated[dict[str, _Difference], Meta(min_length=1, max_length=256)]
    top1_agreement: dict[str, float]
    windows: int
    pictures: str = "drawn pictures"


def write_card(folder: Path, bank: LabelBank, licence: Licence | None = None) -> None:
    """Write the card of the bundle in `folder`, whose other files are all there.

    Args:
        folder: the bundle.
        bank: its labels.
        licence: the licence of its weights; None looks up the one that its manifest names.

    Raises:
        BundleError: the manifest or the parity report cannot be read.
        OSError: the card cannot be written.
    """
    write_file(folder / CARD, card(folder, len(bank.labels), licence))


def card(folder: Path, labels: int, licence: Licence | None = None) -> str:
    """Return the card as Markdown with a head in YAML; see `write_card`.

    Args:
        folder: the bundle.
        labels: how many it has of its own.
        licence: the licence of its weights; None looks up the one that its manifest names.
    """
    manifest = read_manifest(folder)
    weights, sampling, name = manifest.weights, manifest.sampling, _shown(manifest.name)
    licence = licence or licence_named(weights.licence)
    words = "new labels, which it embeds itself" if manifest.text else "its own labels only"
    return f"""---
{_head(licence)}library_name: stzsar
pipeline_tag: zero-shot-video-classification
tags: [action-recognition, onnx]
---

# {weights.source}, {manifest.precision}

A bundle of stzsar: it recognises actions in video. It knows {weights.knows}. It takes {words}.

```
stzsar-fetch hub:OWNER/NAME@REVISION
stzsar-run --bundle {name} --camera 0 --labels labels.txt
stzsar-export inspect {name}
```

The first line fetches it from a hub. `stzsar-run` and `stzsar-export` take its folder, whatever its
name is.

## Weights

{_origin(weights.url, weights.revision, weights.sha256)}
{_terms(licence, weights.licence)}

## Training

{_training(manifest.seen)}

## Graphs

ONNX opset {manifest.opset}, {manifest.precision}, pictures of {manifest.pixels.size_px} px.
A window is {sampling.frames} frames, {sampling.rate_fps:g} a second. Labels of its own, used where
no others are given: {labels}.

{_parity(folder)}

## Files

{_files(folder, manifest)}

Made by stzsar {manifest.versions.get("stzsar", "")} on {manifest.created[:10]}.
"""


def _head(licence: Licence | None) -> str:
    if licence is None:
        return ""
    if licence.hub_name == licence.name.lower():
        return f"license: {licence.hub_name}\n"
    return f"license: other\nlicense_name: {licence.hub_name}\nlicense_link: {licence.url}\n"


def _origin(url: str, revision: str, sha256: str) -> str:
    if url:
        of = f" at the commit `{revision}`" if revision else ""
        return f"The weights are those of {url}{of}. Their file has the sha256 `{sha256}`."
    if sha256:
        return f"The weights come from a file with the sha256 `{sha256}`."
    return "The manifest names no file that the weights come from."


def _terms(licence: Licence | None, name: str) -> str:
    if licence is None:
        return f"Their licence is {name}." if name else "Their licence is not known to stzsar."
    terms = f"Their licence is the [{licence.name}]({licence.url})"
    if not licence.research_only:
        return f"{terms}."
    # The attribution that Apple's licence asks for, and what was changed.
    return (
        f"{terms}, for research only. Apple Machine Learning Research Model is licensed under the "
        f"{licence.name}. The bundle is a derivative of it: its weights are those of the original, "
        "in ONNX graphs with the untrained head of stzsar."
    )


def _training(seen: SeenLabels | None) -> str:
    if seen is None:
        return "No labels of a training are recorded, nor γ: how far it prefers them to others."
    bias = "was not measured" if seen.bias is None else f"is {seen.bias:g}"
    shown = "\n".join(f"    {label}" for label in seen.labels[:_SHOWN_SEEN])
    more = len(seen.labels) - _SHOWN_SEEN
    rest = f"\n    and {more} more, which the manifest lists" if more > 0 else ""
    return (
        f"Training saw {len(seen.labels)} labels. How far it prefers them to others, γ, {bias}, in "
        f"logits.\n\n{shown}{rest}"
    )


def _parity(folder: Path) -> str:
    """Return how far the graphs are from torch, as export measured it."""
    path = folder / PARITY
    if not path.is_file():
        return "No parity was measured: these are graphs of an export, filled with the weights."
    try:
        report = from_json(read_file(path, _MAX_PARITY_BYTES, follow_links=False), _Parity)
    except (OSError, DocumentError) as error:
        raise BundleError(f"Cannot read {path} ({error}): export the bundle again.") from error
    rows = "\n".join(f"| {key} | {one.absolute:.1e} |" for key, one in report.differences.items())
    agreement = min(report.top1_agreement.values(), default=1.0)
    return (
        f"Compared with torch on {report.windows} windows of {report.pictures}, the same label is "
        f"first in {agreement:.1%} of them.\n\n| output | largest difference |\n|---|---|\n{rows}"
    )


def _files(folder: Path, manifest: Manifest) -> str:
    """Return a table of the files, and the hashes that the manifest lists."""
    sizes = {name: (folder / name).stat().st_size for name in (*manifest.files, MANIFEST)}
    rows = [
        f"| {name} | {size / MIB:.1f} MiB | {manifest.files.get(name, 'lists the others')} |"
        for name, size in sorted(sizes.items(), key=lambda item: (item[0] == MANIFEST, item[0]))
    ]
    total = sum(sizes.values()) / MIB
    return "\n".join(
        ["| file | size | sha256 |", "|---|---|---|", *rows, f"| all | {total:.1f} MiB | |"]
    )


def _shown(name: str) -> str:
    """Return a name as a word of a command."""
    import shlex

    return shlex.quote(name)


if __name__ == "__main__":
    # Ours alone ships without an entry for its licence: stzsar-train made it from nothing.
    bundle = Path(sys.argv[1])
    write_card(bundle, LabelBank.load(bundle / "bank.npz"), OURS)
