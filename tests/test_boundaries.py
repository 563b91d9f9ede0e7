"""The walls of the house: what lies where, who imports whom, and what a wheel holds."""

import ast
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOLDERS = ("models", "train", "export", "runtime", "benchmarks")
# In the repository and not in the wheel.
STUDIES = tuple(
    f"benchmarks/{name}/" for name in ("ablation", "decoders", "figures", "growth", "peers")
)


def project(root: Path) -> dict:
    tomllib = importlib.import_module("tomllib")  # of Python 3.11; pyright checks for 3.10
    return tomllib.loads((root / "pyproject.toml").read_text())


def in_wheel(root: Path, pattern: str) -> list[Path]:
    """Return files below the root that belong in the wheel, relative to the root."""
    files = [
        path.relative_to(root) for folder in FOLDERS for path in (root / folder).rglob(pattern)
    ]
    return [path for path in files if not path.as_posix().startswith(STUDIES)]


def test_every_package_on_disk_is_listed_but_the_studies(root):
    on_disk = {"stzsar"} | {
        f"stzsar.{path.parent.as_posix().replace('/', '.')}"
        for path in in_wheel(root, "__init__.py")
    }
    assert set(project(root)["tool"]["setuptools"]["packages"]) == on_disk


def test_no_other_module_lies_at_the_root(root):
    """It would land in the wheel as stzsar.<name>."""
    assert [path.name for path in root.glob("*.py")] == ["__init__.py"]


def test_no_file_is_called_utils_or_like_a_dependency(root):
    forbidden = {"utils", "helpers", "common", "misc"}
    forbidden |= {"torch", "onnx", "onnxruntime", "cv2", "numpy", "click", "rich", "tokenizers"}
    names = {path.stem for folder in FOLDERS for path in (root / folder).rglob("*.py")}
    assert not names & forbidden


def test_imports_inside_are_relative(root):
    for folder in FOLDERS:
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                modules = (
                    [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
                )
                modules += (
                    [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                )
                assert not any((name or "").split(".")[0] == "stzsar" for name in modules), path


def test_pixel_means_stand_in_one_place(root):
    """Copies of them drift: they are CLIP's, and belong to the model's configuration."""
    holders = {
        path.relative_to(root).as_posix()
        for folder in FOLDERS
        for path in (root / folder).rglob("*.py")
        if "0.4814" in path.read_text()
    }
    assert holders == {"models/config.py"}


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("stzsar", ("numpy", "torch", "click")),
        ("stzsar.runtime", ("torch", "cv2", "onnxruntime", "onnx", "tokenizers")),
        ("stzsar.runtime.command.cli", ("torch", "cv2", "onnxruntime", "onnx", "tokenizers")),
        ("stzsar.train.cli", ("torch", "cv2", "open_clip")),
        ("stzsar.train.attributes.cli", ("torch", "cv2", "urllib3", "trafilatura", "yake")),
        ("stzsar.runtime.fetch.cli", ("huggingface_hub", "httpx2", "cv2", "onnxruntime")),
        ("stzsar.export.cli", ("torch", "onnx", "onnxruntime", "open_clip")),
    ],
)
def test_importing_stays_light(module, forbidden):
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({forbidden!r})))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.split() == []


def test_the_wheel_holds_the_packages_the_shipped_bundle_and_nothing_else(root, tmp_path):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "-w",
        str(tmp_path),
        ".",
    ]
    subprocess.run(command, cwd=root, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    code = {f"stzsar/{path.as_posix()}" for path in in_wheel(root, "*.py")}
    data = {
        f"stzsar/{path.relative_to(root).as_posix()}"
        for folder in ("shipped", "fetch/graphs", "labels/label_sets", "page/static")
        for path in (root / "runtime" / folder).rglob("*")
        if path.is_file()
    }
    data.add("stzsar/runtime/results.schema.json")
    data.add("stzsar/runtime/page/api/openapi.json")
    data.add("stzsar/benchmarks/hardware/report.schema.json")
    data.add("stzsar/train/attributes/prompt.md")
    data.add("stzsar/train/evaluation/published.json")
    data |= {
        f"stzsar/{path.relative_to(root).as_posix()}"
        for path in (root / "benchmarks" / "attribute_texts").iterdir()
    }
    assert names == code | data | {"stzsar/__init__.py", "stzsar/py.typed"}
    graphs = [i for i in zipfile.ZipFile(wheel).infolist() if "/fetch/graphs/" in i.filename]
    assert sum(info.compress_size for info in graphs) < 1_000_000
