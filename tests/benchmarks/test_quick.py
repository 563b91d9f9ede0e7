"""Every benchmark runs, with --quick: the shape of what it prints, never a time."""

import functools
import importlib
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.decoders.reader import DECODERS

# Exports are most of the time, and several benchmarks export the same smallest network.
pytestmark = pytest.mark.usefixtures("traced_once")

ROWS = {
    "archive_index": ["1", "1", "1"],
    "archive_search": ["1"],
    "backbones": ["smallest-ViT"],
    "precisions": ["fp32", "int8"],
    "false_alarms": ["other things"] * 3,
    "detectors": ["other things"] * 3,
    "seen_bias": ["plain", "plain"],
    "motion_gate": ["2"],
    "family_cost": ["ViFi-CLIP", "MAXI", "OST", "ActionCLIP", "BIKE", "BIKE", "Text4Vis", "MoTE"],
    "ablation.untrained": [
        *("`mean`, no attributes", "`mean`, `pooling` `raw`", "`mean`, attributes in ê"),
        *("`off`, which is `residual` with β = 0", "`residual`, β = 1", "`residual`, β = 5"),
        *("`off`, `guided`", "`residual`, `guided`, β = 1"),
        *("`product`", "`product`, attributes in ê"),
    ],
    "fetching": ["seconds", "CPU seconds", "peak memory, MiB"],
    "second_look": ["other things", "moving-shapes", "the path to a language model"],
    "clip_memory": ["sample.mp4", "all"],
    "page": ["nobody looks", "2 viewers", "0", "1", "2", "3", "4", "5"],
    "regions": [*["10%"] * 5, "the whole picture", "tiles = [3, 2]", "a region"],
    "training_memory": ["fp32", "fp32", "bf16", "bf16"],
    "recordings": [
        *("states alone", "features, all patches", "features, 8 patches"),
        *("features, 4 patches", "features, 2 patches"),
    ],
    "attributes": ["written by hand", "stzsar-attributes --llm none", "only the label"],
}
# What these print is built by functions that have tests; here they take ten seconds and more each.
LONG = ("backbones", "detectors", "false_alarms", "fetching", "page")
STUDIES = ("ablation", "decoders", "growth", "peers")


def run(name, *options):
    module = f"stzsar.benchmarks.{name}" + (".cli" if name in STUDIES else "")
    main = importlib.import_module(module).main
    result = CliRunner().invoke(main, ["--quick", *map(str, options)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.stdout


def markdown_rows(printed):
    """Return the cells of all rows except the headings and the lines below them."""
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    under = [index for index, line in enumerate(lines) if set(line) <= set("|-")]
    heads = {*under, *(index - 1 for index in under)}
    assert under
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for index, line in enumerate(lines)
        if index not in heads
    ]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in ROWS]
)
def test_a_benchmark_prints_its_table(name, tmp_path, monkeypatch):
    if name == "second_look":
        pytest.importorskip("openai", reason="the extra [verify] is not installed")
    if name == "attributes":
        pytest.importorskip("yake", reason="the extra [attributes] is not installed")
    if name == "detectors":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.chdir(tmp_path)
    rows = markdown_rows(run(name))
    assert [row[0] for row in rows] == ROWS[name]
    tables = 2 if name in ("page", "regions", "second_look") else 1
    assert len({len(row) for row in rows}) == tables


@functools.cache
def help_of_each_module():
    """The help of every `python -m stzsar.benchmarks.NAME`, from one process."""
    names = (*ROWS, "targets", *STUDIES)
    code = f"""
import runpy, sys
for name in {names!r}:
    sys.argv[1:] = ["--help"]
    try:
        runpy.run_module("stzsar.benchmarks." + name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert not end.code, name
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(names, done.stdout.split("Usage: ")[1:], strict=True))


@pytest.mark.parametrize("name", [*ROWS, "targets", *STUDIES])
def test_a_benchmark_is_a_module_whose_help_starts_with_verbs_and_has_quick(name):
    text = help_of_each_module()[name]
    assert "--quick" in text
    options = [line.split("  ", 2)[-1].strip() for line in text.splitlines() if " --" in line[:5]]
    assert all(words[:1].isupper() or not words for words in options), text


def test_decoders_are_compared_and_absent_ones_have_a_reason():
    rows = markdown_rows(run("decoders"))
    assert [row[0] for row in rows] == [decoder.name for decoder in DECODERS]
    for row in rows:
        assert row[5:8] == ["0", "0", "0 of 8"] or "does not load" in row[1]
    assert "does not load" not in rows[0][1]


def test_growth_prints_a_table_for_each_axis_and_draws_them(tmp_path):
    pytest.importorskip("matplotlib")
    rows = markdown_rows(run("growth", "--plot", tmp_path / "growth.png"))
    points = [row[0] for row in rows]
    assert points[:-1] == ["1", "10", "100", "1", "8", "1", "4", "4", "8", "16"]
    assert points[-1].endswith("(shipped)")
    assert all(float(cell) > 0 for row in rows for cell in row[1:6])
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_targets_take_the_peers_from_their_record(tmp_path):
    record = tmp_path / "peers.json"
    rows = [{"name": "xclip", "ratio": 40.0}, {"name": "xclip-once", "ratio": 11.0}]
    sizes = {"backbone": "ViT-B-32", "labels": 400, "frames": 8}
    record.write_text(json.dumps({"sizes": sizes, "rows": rows}))

    rows = markdown_rows(run("targets", "--peers", record))

    assert len(rows) == 11
    (against_xclip,) = (row for row in rows if "X-CLIP" in row[0])
    assert against_xclip[2:] == ["40.0×; 11.0× with its labels encoded once", "yes"]
    assert all(row[3] in ("yes", "**no**", "") for row in rows)
