"""Print a software bill of materials in CycloneDX 1.6: of the wheel, or of a bundle.

Usage: python docs/sbom.py wheel > stzsar.cdx.json
       python docs/sbom.py bundle FOLDER > bundle.cdx.json

The wheel's lists what stzsar asks for, in the versions that are installed; packages of an extra are
optional. A bundle's lists its files with their hashes, the weights, and their licence.
"""

import sys
from pathlib import Path

from cyclonedx.model import AttachedText, HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from license_expression import ExpressionError, get_spdx_licensing
from packageurl import PackageURL

from stzsar.runtime.bundle.bundle import MANIFEST, Bundle, sha256_of
from stzsar.runtime.fetch.catalogue import licence_named

sys.path.insert(0, str(Path(__file__).parent))

from licences import VENDORED, dependencies, version_of

_SPDX = get_spdx_licensing()


def wheel_bom() -> Bom:
    """Return what the wheel is made of, and what it asks for."""
    root = _package("stzsar", version_of("stzsar"), "Apache-2.0")
    bom = _bom(root)
    for one in dependencies():
        always = "" in one.extras
        package = _package(one.name, one.version, one.licence)
        package.scope = ComponentScope.REQUIRED if always else ComponentScope.OPTIONAL
        package.properties.update(
            Property(name="stzsar:extra", value=extra) for extra in one.extras if extra
        )
        bom.components.add(package)
        bom.register_dependency(root, [package])
    for what, where, licence, _ in VENDORED:
        bom.components.add(
            Component(
                name=what,
                bom_ref=where,
                type=ComponentType.LIBRARY,
                licenses=_licences(licence),
                properties=[Property(name="stzsar:path", value=where)],
            )
        )
    return bom


def bundle_bom(folder: Path) -> Bom:
    """Return what a bundle is made of: its files and its weights.

    Raises:
        BundleError: it is not a bundle, or a file of it was changed.
    """
    bundle = Bundle.open(folder)
    manifest, weights = bundle.manifest, bundle.manifest.weights
    root = Component(
        name=manifest.name,
        version=manifest.created,
        bom_ref="bundle",
        type=ComponentType.MACHINE_LEARNING_MODEL,
        description=f"{weights.source}; it knows {weights.knows}",
        properties=[
            Property(name="stzsar:precision", value=manifest.precision),
            Property(name="stzsar:format", value=str(manifest.format_version)),
            Property(name="stzsar:made-by", value=manifest.versions.get("stzsar", "")),
        ],
    )
    bom = _bom(root)
    known = licence_named(weights.licence)
    of_weights = Component(
        name=weights.source,
        version=weights.revision or None,
        bom_ref="weights",
        type=ComponentType.MACHINE_LEARNING_MODEL,
        supplier=OrganizationalEntity(name=weights.url) if weights.url else None,
        licenses=_licences(weights.licence, known.url if known else ""),
        hashes=[_hash(weights.sha256)] if weights.sha256 else [],
    )
    files = [
        Component(name=name, bom_ref=name, type=ComponentType.FILE, hashes=[_hash(sha256)])
        for name, sha256 in {**manifest.files, MANIFEST: sha256_of(bundle.path / MANIFEST)}.items()
    ]
    for part in (of_weights, *files):
        bom.components.add(part)
    bom.register_dependency(root, files)
    graphs = [part for part in files if part.name.endswith(".onnx")]
    for graph in graphs:
        bom.register_dependency(graph, [of_weights])
    return bom


def as_json(bom: Bom) -> str:
    """Return a bill as CycloneDX 1.6 JSON."""
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _bom(root: Component) -> Bom:
    bom = Bom()
    bom.metadata.component = root
    return bom


def _package(name: str, version: str, licence: str) -> Component:
    url = PackageURL("pypi", name=name, version=version or None)
    return Component(
        name=name,
        version=version or None,
        purl=url,
        bom_ref=str(url),
        type=ComponentType.LIBRARY,
        licenses=_licences(licence),
    )


def _hash(sha256: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256)


def _licences(name: str, url: str = "") -> list[DisjunctiveLicense | LicenseExpression]:
    """Return a licence: an SPDX expression where it is one, else a name."""
    if not name:
        return []
    try:
        if not _SPDX.unknown_license_keys(name):
            return [LicenseExpression(name)]
    except ExpressionError:
        pass
    text = AttachedText(content=url) if url else None
    return [DisjunctiveLicense(name=name, text=text)]


if __name__ == "__main__":
    what, *folder = sys.argv[1:]
    print(as_json(bundle_bom(Path(folder[0])) if what == "bundle" else wheel_bom()), end="")
