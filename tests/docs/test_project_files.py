"""The files that a forge reads: they parse, say what we are, and ask for what we need."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports]

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
KINDS = {"markdown", "input", "textarea", "dropdown", "checkboxes"}


def test_the_citation_is_of_this_version_and_of_the_paper():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"]
    (paper,) = citation["references"]
    assert [author["family-names"] for author in paper["authors"]] == ["Kim", "Kim", "Lee"]
    assert paper["url"].endswith(
        re.findall(r"arXiv (\d+\.\d+)", (ROOT / "docs/paper.md").read_text())[0]
    )


@pytest.mark.parametrize(
    "form", [path for path in FORMS if path.stem != "config"], ids=lambda p: p.stem
)
def test_forms_are_ones_that_a_forge_takes(form: Path):
    document = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= document.keys()
    fields = {part["id"]: part for part in document["body"]}
    assert len(fields) == len(document["body"])
    assert {part["type"] for part in document["body"]} <= KINDS
    assert all(part["attributes"]["label"] for part in document["body"])
    assert fields["doctor"]["attributes"]["label"] == "stzsar-doctor --json"


def test_a_bug_needs_the_doctors_word_and_a_pull_request_has_a_place_for_it():
    bug = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text())
    assert {part["id"] for part in bug["body"] if part.get("validations", {}).get("required")} == {
        *("what", "doctor"),
    }
    assert "stzsar-doctor --json" in (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text()


@pytest.mark.parametrize("page", ["SECURITY.md", "CODE_OF_CONDUCT.md"])
def test_links_of_the_pages_lead_somewhere(page: str):
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text()):
        assert (ROOT / link).exists()


@pytest.mark.parametrize("constraints", sorted((ROOT / "constraints").glob("*.txt")), ids=str)
def test_a_release_pins_everything_that_its_users_may_ask_for(constraints: Path):
    lines = [Requirement(line) for line in constraints.read_text().splitlines()]
    pinned = {canonicalize_name(line.name): line for line in lines}
    assert all(re.fullmatch(r"==[\w.+]+", str(line.specifier)) for line in lines)
    assert not any(line.url for line in lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra, texts in project["optional-dependencies"].items():
        names = {canonicalize_name(Requirement(text).name) for text in texts} - {"stzsar"}
        # Development goes on after a release.
        assert extra == "dev" or names <= pinned.keys()
