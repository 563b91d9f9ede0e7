"""Export and run on real clips, with a CLIP of random weights.

The tests check the pipeline and not the accuracy, as no weights can be downloaded where they run.
"""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.export.cli import main as export
from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.command.cli import main as run


@pytest.fixture(scope="module")
def vit_b_32(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip") / "bundle"
    options = ["--backbone", "ViT-B-32", "--pretrained", "none", "--output", str(folder)]
    result = CliRunner().invoke(export, options)
    assert result.exit_code == 0, result.output
    return folder


def recognise(bundle, clips, *options):
    """Run over all clips; return the results by file, and the errors."""
    arguments = ["--bundle", str(bundle), "--source", str(clips), *options]
    result = CliRunner().invoke(run, arguments)
    assert result.exit_code == 2  # some of them are broken
    by_file: dict[str, list[dict]] = {}
    for line in result.stdout.splitlines():
        row = json.loads(line)
        if row["type"] != "result":
            continue
        by_file.setdefault(Path(row["source"]).name, []).append(row)
    return by_file, [line for line in result.stderr.splitlines() if line.startswith("Error: ")]


def check(by_file, errors, clips, candidates):
    with (clips / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    decodable = {row["file"] for row in rows if int(row["opencv_frames"] or -1) > 0}
    assert decodable <= by_file.keys()
    for name in {row["file"] for row in rows} - by_file.keys():
        assert sum(name in line for line in errors) == 1
    for results in by_file.values():
        for row in results:
            assert len(row["top"]) == min(5, candidates)
            assert 0 <= row["score"] <= 1
            assert 0 <= row["window"][0] <= row["window"][1]


@pytest.mark.slow
def test_the_shipped_bundle_goes_over_every_real_clip(shared_clips):
    check(*recognise(shipped_bundle(), shared_clips), shared_clips, 24)


@pytest.mark.slow
def test_a_clip_bundle_goes_over_every_real_clip(shared_clips, vit_b_32):
    check(*recognise(vit_b_32, shared_clips, "--whole"), shared_clips, 400)
