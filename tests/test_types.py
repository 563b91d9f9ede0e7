"""What `stzsar.runtime` exports has types that a user's checker knows completely."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stzsar.runtime


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_a_checker_knows_the_types_of_all_public_names(root, tmp_path):
    # A copy outside of the working folder, which pyright takes for an installed package.
    for path in [*root.glob("*.py"), root / "py.typed", *(root / "runtime").rglob("*.py")]:
        target = tmp_path / "site/stzsar" / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    command = [sys.executable, "-m", "pyright", "--verifytypes", "stzsar"]
    # For --verifytypes, pyright asks the `python` of PATH where packages are.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, "--ignoreexternal", "--outputjson"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)["typeCompleteness"]
    public = {f"stzsar.runtime.{name}" for name in stzsar.runtime.__all__}
    symbols = {symbol["name"]: symbol for symbol in report["symbols"]}
    # A class is known only if its bases and all its members are.
    unknown = [
        name
        for name in public
        if not symbols[name]["isTypeKnown"] or symbols[name]["isTypeAmbiguous"]
    ]
    reasons = [said["message"] for s in symbols.values() for said in s["diagnostics"]]
    assert not unknown, reasons
