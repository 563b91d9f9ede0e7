"""Every benchmark as a command, in its quick form: that it runs, and prints what it is for."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# What each prints at least: as many table rows, and these words.
BENCHMARKS = {
    "attributes": (3, "hand"),
    "backbones": (1, "GMAC a frame"),
    "false_alarms": (2, "an hour"),
    "growth": (8, "labels"),
    "motion_gate": (2, "best label"),
    "precisions": (2, "int8"),
    "recordings": (2, "states alone"),
    "targets": (9, "sgemm"),
}


def run(name: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-m", f"stzsar.benchmarks.{name}", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_quick_benchmark_prints_its_table(name):
    rows, words = BENCHMARKS[name]

    said = run(name, "--quick")

    assert words in " ".join(said.split())
    table = [line for line in said.splitlines() if re.match(r"\s*[|│]", line)]
    assert len(table) >= rows, said
    assert "nan" not in said.lower().replace("nano", "")


def test_growth_draws_its_picture(tmp_path: Path):
    picture = tmp_path / "growth.png"
    run("growth", "--quick", "--plot", str(picture))

    assert picture.read_bytes().startswith(b"\x89PNG")


def test_targets_take_the_peers_from_their_record(tmp_path: Path):
    record = tmp_path / "peers.json"
    rows = [{"name": "xclip", "ratio": 40.0}, {"name": "xclip-once", "ratio": 11.0}]
    sizes = {"backbone": "ViT-B-32", "labels": 400, "frames": 8}
    record.write_text(json.dumps({"sizes": sizes, "rows": rows}))

    said = run("targets", "--quick", "--peers", str(record))

    assert re.search(r"X-CLIP.*40\.0×.*11\.0×.*\*\*no\*\*", said)
