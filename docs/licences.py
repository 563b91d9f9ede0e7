"""Print the page of licences: of what each extra installs, and of what lies in the repository.

Usage: python docs/licences.py > docs/licences.md

What is installed says its own licence; a package that is not, or that says none, has an entry here.
"""

import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
# Not for users: what builds and tests stzsar.
DEV = "dev"
# Not on every machine, or without a word about their licence; looked up in the wheels.
KNOWN = {
    "onnxruntime-gpu": "MIT",
    "tomli": "MIT",
    "tensorrt-rtx-cu12": "NVIDIA's own terms",
    "atheris": "Apache-2.0",
    "cuda-toolkit": "NVIDIA's own terms",
    "torch": "BSD-3-Clause",  # the whole text stands in the field
    "yake": "LGPL-3.0-or-later, and GPL-3.0 by its classifier",
}
# Names that classifiers and old fields use, as SPDX identifiers.
SPDX = {
    "MIT License": "MIT",
    "MIT license": "MIT",
    "BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License v2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache": "Apache-2.0",
    "Apache-2": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD-3": "BSD-3-Clause",
    "New BSD": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "BSD-2": "BSD-2-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "The BSD 2-Clause License": "BSD-2-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "ZPL 2.1": "ZPL-2.1",
    "Proprietary": "its owner's own terms",
    "NVIDIA Proprietary Software": "NVIDIA's own terms",
    "LicenseRef-NVIDIA-Proprietary": "NVIDIA's own terms",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "ISC License (ISCL)": "ISC",
    "ISC license": "ISC",
    "Python Software Foundation License": "PSF-2.0",
}
# Files of others in this repository: what, where, licence, and where the licence lies.
VENDORED = (
    ("uPlot 1.6", "runtime/page/static/uplot/", "MIT", "runtime/page/static/uplot/LICENSE.txt"),
    ("CLIP's vocabulary", "runtime/fetch/graphs/", "MIT", "https://github.com/openai/CLIP"),
)
_LONGEST = 60


@dataclass(frozen=True)
class Dependency:
    """A package that stzsar asks for.

    Attributes:
        name: as the index spells it.
        extras: which extras ask for it; "" is stzsar itself.
        version: the installed one; "" where it is not installed.
        licence: an SPDX expression where there is one.
        needs: the packages that come with it.
    """

    name: str
    extras: tuple[str, ...]
    version: str
    licence: str
    needs: tuple[str, ...]


def dependencies() -> list[Dependency]:
    """Return what stzsar's core and extras ask for, in the order of names."""
    extras: dict[str, list[str]] = {}
    for extra, requirement in _requirements():
        if requirement.name != "stzsar":
            extras.setdefault(canonicalize_name(requirement.name), []).append(extra)
    return [
        Dependency(
            name,
            tuple(dict.fromkeys(asked)),
            version_of(name),
            licence_of(name),
            tuple(sorted(_needs(name) - {name})),
        )
        for name, asked in sorted(extras.items())
    ]


def version_of(name: str) -> str:
    """Return the version that is installed; "" if none is."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def licence_of(name: str) -> str:
    """Return the licence that a package states, as SPDX where that is clear; "" is unknown."""
    try:
        about = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return KNOWN.get(name, "")
    if name in KNOWN:
        return KNOWN[name]
    fields = {
        key: about.get_all(key, []) for key in ("License-Expression", "License", "Classifier")
    }
    stated = [text.strip() for text in (*fields["License-Expression"], *fields["License"])]
    stated += [text.split(" :: ")[-1] for text in fields["Classifier"] if text[:9] == "License :"]
    short = [text for text in stated if 0 < len(text) <= _LONGEST and "\n" not in text]
    usable = [text for text in short if text not in ("OSI Approved", "UNKNOWN")]
    found = next(iter(usable), "")
    return SPDX.get(found, found)


def _requirements() -> Iterator[tuple[str, Requirement]]:
    """Yield each requirement of pyproject.toml with its extra."""
    tomllib = __import__("tomllib" if sys.version_info >= (3, 11) else "tomli")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for text in project["dependencies"]:
        yield "", Requirement(text)
    for extra, texts in project["optional-dependencies"].items():
        for text in texts:
            yield extra, Requirement(text)


def _needs(name: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return what comes with a package on this machine, itself included."""
    found, left = set(seen), [name]
    while left:
        one = canonicalize_name(left.pop())
        if one in found:
            continue
        found.add(one)
        try:
            texts = importlib.metadata.requires(one) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        asked = [Requirement(text) for text in texts]
        left += [r.name for r in asked if not r.marker or r.marker.evaluate({"extra": ""})]
    return {one for one in found if version_of(one)}


def page() -> str:
    """Return the page as Markdown."""
    found = dependencies()
    names = {one.name for one in found}
    coming = sorted({need for one in found for need in one.needs} - names)
    rows = [
        f"| {one.name} | {', '.join(extra or 'always' for extra in one.extras)} | {one.licence} |"
        for one in found
    ]
    further = [f"| {name} | {licence_of(name)} |" for name in coming]
    vendored = [f"| {what} | `{where}` | {name} | {text} |" for what, where, name, text in VENDORED]
    return "\n".join(
        [
            "# Licences",
            "",
            "stzsar is under the Apache License 2.0. `python docs/licences.py` writes this page "
            "from what is",
            "installed. It repeats what packages state, and is no legal advice.",
            "",
            "## What stzsar asks for",
            "",
            "| package | extra | licence |",
            "|---|---|---|",
            *rows,
            "",
            "## What comes with it",
            "",
            "As installed on Linux, x86_64.",
            "",
            "| package | licence |",
            "|---|---|",
            *further,
            "",
            "## Files of others in the repository",
            "",
            "| what | where | licence | its text |",
            "|---|---|---|---|",
            *vendored,
            "",
            "Weights have licences of their own: {doc}`people` lists them, and each bundle's card "
            "and manifest",
            "name theirs.",
            "",
        ]
    )


if __name__ == "__main__":
    print(page(), end="")
