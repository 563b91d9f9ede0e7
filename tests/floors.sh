#!/bin/sh
# Runs the runtime's tests on Python 3.10 with the oldest packages that pyproject.toml allows.
set -eu
mkdir -p .venvs
# "numpy>=1.26" becomes "numpy==1.26", for the core dependencies and two extras.
python3 - > .venvs/floors.txt <<'PYTHON'
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11
    from pip._vendor import tomli as tomllib

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *extras["cpu"], *extras["sinks"]]:
    print(requirement.replace(">=", "==", 1))
PYTHON
PIP_CONSTRAINT=$PWD/.venvs/floors.txt tests/on_python.sh 3.10 .venvs/floors
