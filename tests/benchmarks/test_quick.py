"""Each benchmark as the command that people run, on as little as there can be: none of them rots.

What is looked at is the shape of what is printed, never a time.
"""

import json
import os
import re
import subprocess
import sys

import pytest

ROWS = {
    "backbones": ["smallest-ViT"],
    "precisions": ["fp32", "int8"],
    "false_alarms": ["other things"] * 4,
    "motion_gate": ["2"],
    "training_memory": ["fp32", "fp32", "bf16", "bf16"],
}


def run(root, tmp_path, name, *options):
    # PYTHONPATH as the tests see the package, wherever they were started.
    result = subprocess.run(
        [sys.executable, "-m", f"stzsar.benchmarks.{name}", "--quick", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def markdown_rows(printed):
    """Return the cells of all rows but the heads and the lines below them."""
    lines = [line for line in printed.splitlines() if line.startswith("|")]
    under = [index for index, line in enumerate(lines) if set(line) <= set("|-")]
    heads = {*under, *(index - 1 for index in under)}
    assert under
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for index, line in enumerate(lines)
        if index not in heads
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_benchmark_prints_its_table(root, tmp_path, name):
    rows = markdown_rows(run(root, tmp_path, name))
    assert [row[0] for row in rows] == ROWS[name]
    assert len({len(row) for row in rows}) == 1


def test_recordings_are_compared_with_a_live_run(root, tmp_path):
    printed = run(root, tmp_path, "recordings")
    rows = [line.strip("│ ").split("│") for line in printed.splitlines() if line.startswith("│")]
    named = [row[0].strip() for row in rows]
    assert named == ["states alone", "features, all patches", "features, 2 patches"]


def test_decoders_stand_side_by_side_and_absent_ones_say_why(root, tmp_path):
    rows = markdown_rows(run(root, tmp_path, "decoders"))
    assert [row[0].split(",")[0] for row in rows] == (
        ["OpenCV as stzsar-run has it"] + ["OpenCV"] * 3 + ["PyAV"] * 2 + ["torchcodec"] * 2
    )
    for row in rows:
        assert row[4:7] == ["0", "0", "0 of 8"] or "does not load" in row[1]
    assert "does not load" not in rows[0][1]


@pytest.mark.slow
def test_growth_prints_a_table_for_each_axis_and_draws_them(root, tmp_path):
    printed = run(root, tmp_path, "growth", "--plot", "growth.png")
    rows = markdown_rows(printed)
    points = [row[0] for row in rows]
    assert points[:-1] == ["1", "10", "100", "1", "8", "1", "4", "4", "8", "16"]
    assert points[-1].endswith("(small)")
    assert all(float(cell) > 0 for row in rows for cell in row[1:6])
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_attributes_of_the_road_stand_beside_those_of_the_hand(root, tmp_path):
    rows = markdown_rows(run(root, tmp_path, "attributes"))
    assert len(rows) == 3
    assert all(row[2].endswith("%") and row[3].endswith("%") for row in rows)


@pytest.mark.slow
def test_the_ablation_trains_every_row_goes_on_and_draws(root, tmp_path):
    options = ("--output", "ablation", "--plot", "ablation.png")
    printed = run(root, tmp_path, "ablation", *options)
    done = (tmp_path / "ablation" / "rows.jsonl").read_text()

    rows = markdown_rows(printed)
    heads = ["mean pooling", "saliency S", "S × f", "S × (1 + βf)"]
    assert [row[0] for row in rows[:16]] == [head for head in heads for _ in range(4)]
    assert all(re.fullmatch(r"\d+\.\d ± \d+\.\d", cell) for row in rows[:16] for cell in row[2:])
    assert (tmp_path / "ablation.png").read_bytes().startswith(b"\x89PNG")
    # A second start trains nothing, and says the same.
    assert run(root, tmp_path, "ablation", *options) == printed
    assert (tmp_path / "ablation" / "rows.jsonl").read_text() == done


@pytest.mark.slow
def test_a_row_of_the_ablation_can_train_its_encoder_too(root, tmp_path):
    rows = markdown_rows(
        run(root, tmp_path, "ablation", "--end-to-end", "--row", "mean-8", "--row", "product-8")
    )
    assert [row[:2] for row in rows[:2]] == [["mean pooling", "8"], ["S × f", "8"]]


@pytest.mark.slow
def test_targets_take_the_peers_from_their_record(root, tmp_path):
    record = tmp_path / "peers.json"
    rows = [{"name": "xclip", "ratio": 40.0}, {"name": "xclip-once", "ratio": 11.0}]
    sizes = {"backbone": "ViT-B-32", "labels": 400, "frames": 8}
    record.write_text(json.dumps({"sizes": sizes, "rows": rows}))

    rows = markdown_rows(run(root, tmp_path, "targets", "--peers", str(record)))

    assert len(rows) == 10
    (against_xclip,) = (row for row in rows if "X-CLIP" in row[0])
    assert against_xclip[2:] == ["40.0×; 11.0× with its labels encoded once", "yes"]
    assert all(row[3] in ("yes", "**no**", "") for row in rows)
