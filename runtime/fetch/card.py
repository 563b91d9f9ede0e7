"""The model card of a fetched bundle: README.md in its folder, in the form of the hub."""

from pathlib import Path

from ..bundle.bundle import MANIFEST, Bundle
from ..documents import MIB
from .catalogue import Licence

CARD = "README.md"


def card(bundle: Bundle, licence: Licence | None) -> str:
    """Return the card as Markdown with a head in YAML.

    Args:
        bundle: the bundle that it describes.
        licence: the licence of its weights, if it is known.
    """
    manifest = bundle.manifest
    weights, sampling = manifest.weights, manifest.sampling
    sizes = {name: (bundle.path / name).stat().st_size for name in (*manifest.files, MANIFEST)}
    rows = "\n".join(f"| {name} | {size / MIB:.1f} MiB |" for name, size in sorted(sizes.items()))
    return f"""---
{_head(licence)}library_name: stzsar
pipeline_tag: zero-shot-video-classification
tags: [action-recognition, clip, onnx]
---

# {weights.source}, {manifest.precision}

A bundle of stzsar: it recognises actions in video, for labels that you write. It knows
{weights.knows}.

```
stzsar-run --bundle {_shown(bundle.path)} --camera 0 --labels labels.txt
```

{_origin(weights.url, weights.revision, weights.sha256)}
{_terms(licence)}

A window is {sampling.frames} frames, {sampling.rate_fps:g} a second. Labels of its own, used where
no others are given: {len(bundle.bank.labels)}.

| file | size |
|---|---|
{rows}

Made by stzsar {manifest.versions.get("stzsar", "")} on {manifest.created[:10]}.
"""


def _head(licence: Licence | None) -> str:
    if licence is None:
        return ""
    if licence.hub_name == licence.name.lower():
        return f"license: {licence.hub_name}\n"
    return f"license: other\nlicense_name: {licence.hub_name}\nlicense_link: {licence.url}\n"


def _origin(url: str, revision: str, sha256: str) -> str:
    if not url:
        return f"The weights come from a file with the sha256 `{sha256}`."
    of = f" at the commit `{revision}`" if revision else ""
    return f"The weights are those of {url}{of}. Their file has the sha256 `{sha256}`."


def _terms(licence: Licence | None) -> str:
    if licence is None:
        return "Their licence is not known to stzsar."
    terms = f"Their licence is the [{licence.name}]({licence.url})"
    if not licence.research_only:
        return f"{terms}."
    # The attribution that Apple's licence asks for, and what was changed.
    return (
        f"{terms}, for research only. Apple Machine Learning Research Model is licensed under the "
        f"{licence.name}. The bundle is a derivative of it: its weights are those of the original, "
        "in ONNX graphs with the untrained head of stzsar."
    )


def _shown(path: Path) -> str:
    """Return a path as a word of a command."""
    import shlex

    return shlex.quote(str(path))
