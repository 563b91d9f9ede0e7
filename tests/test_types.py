"""What `stzsar.runtime` exports has types that a user's checker knows completely."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import pytest

import stzsar.runtime


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_a_checker_knows_the_types_of_all_public_names(root, tmp_path):
    # A copy, which pyright takes for an installed package.
    for path in [*root.glob("*.py"), root / "py.typed", *(root / "runtime").rglob("*.py")]:
        target = tmp_path / "stzsar" / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    command = [sys.executable, "-m", "pyright", "--verifytypes", "stzsar.runtime"]
    done = subprocess.run(
        [*command, "--ignoreexternal", "--outputjson", "--pythonpath", sys.executable],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)["typeCompleteness"]
    public = {f"stzsar.runtime.{name}" for name in stzsar.runtime.__all__}
    symbols = {symbol["name"]: symbol for symbol in report["symbols"]}
    # The names, and the members of the classes among them.
    classes = {name.rpartition(".")[2] for name in public}
    members = [
        symbol
        for name, symbol in symbols.items()
        if name in public or name.rpartition(".")[0].rpartition(".")[2] in classes
    ]

    assert public <= set(symbols)
    assert [
        (symbol["name"], [said["message"] for said in symbol["diagnostics"]])
        for symbol in members
        if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]
    ] == []
