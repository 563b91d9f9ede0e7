"""The table of precisions: what it holds, on a small relative of a backbone."""

import pytest
from click.testing import CliRunner

from stzsar.benchmarks import precisions as benchmark
from stzsar.benchmarks.precisions import Precision, table
from stzsar.export import parity

from .tables import cells


def test_a_row_holds_what_was_measured_and_what_the_gate_says():
    row = Precision(
        name="int8", graph_mib=1.26, relative=0.0154, cosine=0.99218, scores=0.044,
        refused="", frame_ms=0.74, ratio=0.804,
    )  # fmt: skip
    numbers = ["1.3", "0.7", "0.80", "1.5e-02", "0.99218", "4.4e-02"]
    assert cells(table([row])) == ["int8", *numbers, "passed"]


@pytest.mark.slow
@pytest.mark.usefixtures("backbones", "traced_once")
def test_the_command_measures_each_precision_also_what_the_gate_refuses(tmp_path, monkeypatch):
    """A backbone of random weights, and a gate that asks more of int8 than it can give."""
    strict = parity.Bounds(relative=1e-9, cosine=1, scores=0, top1=1, tie=0)
    monkeypatch.setitem(parity.BOUNDS, "int8", strict)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        benchmark.main, ["--backbone", "tiny-PE-Core", "--rounds", "2", "--threads", "1"]
    )
    assert result.exit_code == 0, result.output
    rows = [cells(result.stdout, row) for row in range(3)]
    assert [row[0] for row in rows] == ["fp32", "fp16", "int8"]
    sizes = [float(row[1]) for row in rows]
    assert sizes == sorted(sizes, reverse=True)
    assert float(rows[0][3]) == 1
    differences = [float(row[4]) for row in rows]
    assert differences[0] < differences[1] < differences[2]
    assert [row[-1] for row in rows] == ["passed", "passed", "refused"]
    assert "int8: calibrated on sample.mp4." in result.stdout
    assert "int8 is refused: " in result.stdout


def test_a_checkpoint_and_a_backbone_exclude_each_other():
    result = CliRunner().invoke(benchmark.main, ["run", "--backbone", "ViT-B-32"])
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
