"""What stzsar is made of: the page of licences is complete, the bills of materials are valid."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stzsar.runtime.bundle.bundle import Bundle, sha256_of, shipped_bundle

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).parents[2]


def printed(*arguments: object) -> str:
    """What a script of docs/ prints."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=ROOT, timeout=120
    ).stdout


@pytest.fixture(scope="module")
def asked() -> dict[str, set[str]]:
    """The extras that ask for each package, as pyproject.toml says."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"always": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, set[str]] = {}
    for extra, texts in groups.items():
        for name in (canonicalize_name(Requirement(text).name) for text in texts):
            found.setdefault(name, set()).add(extra)
    del found["stzsar"]
    return found


def test_the_page_has_every_dependency_with_its_extras_and_a_licence(asked: dict[str, set[str]]):
    text = (ROOT / "docs" / "licences.md").read_text()
    part = text.split("## What stzsar asks for")[1].split("##")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    assert {name: set(extras.split(", ")) for name, extras, _ in rows[1:]} == asked
    further = text.split("## What comes with it")[1].split("##")[0]
    for line in further.splitlines():
        assert not line.endswith("|  |"), f"write the licence of this into docs/licences.py: {line}"


def test_the_page_has_every_file_of_others():
    text = (ROOT / "docs" / "licences.md").read_text()
    for licence in ROOT.glob("runtime/**/LICENSE*"):
        assert f"`{licence.parent.relative_to(ROOT).as_posix()}/`" in text


def validated(text: str) -> dict[str, object]:
    errors = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert errors is None, errors
    return json.loads(text)


def test_the_wheels_bill_is_valid_and_complete(asked: dict[str, set[str]]):
    bill = validated(printed("docs/sbom.py", "wheel"))
    components = {one["name"]: one for one in bill["components"]}  # type: ignore[attr-defined]
    assert asked.keys() <= components.keys()
    assert "uPlot 1.6" in components
    assert components["numpy"]["scope"] == "required"
    assert components["av"]["scope"] == "optional"
    assert components["numpy"]["purl"].startswith("pkg:pypi/numpy@")
    assert all(one.get("licenses") for one in components.values())


def test_a_bundles_bill_lists_its_files_its_weights_and_their_hashes():
    bill = validated(printed("docs/sbom.py", "bundle", shipped_bundle()))
    manifest = Bundle.open(shipped_bundle()).manifest
    components = {one["name"]: one for one in bill["components"]}  # type: ignore[attr-defined]
    for name, sha256 in manifest.files.items():
        assert components[name]["hashes"] == [{"alg": "SHA-256", "content": sha256}]
    own = sha256_of(shipped_bundle() / "manifest.json")
    assert components["manifest.json"]["hashes"][0]["content"] == own
    assert components[manifest.weights.source]["type"] == "machine-learning-model"


def test_a_bill_that_is_not_valid_is_found():
    text = printed("docs/sbom.py", "bundle", shipped_bundle()).replace('"file"', '"thing"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is not None
