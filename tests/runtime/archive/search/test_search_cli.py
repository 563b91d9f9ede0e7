"""stzsar-archive search: words, files and examples in, tables and files out."""

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.command.archive.cli import main
from stzsar.runtime.decisions.calibration import Calibration, EventRules, LabelThreshold, graphs_of
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.labels.labels import identity_of

MONDAY = 1_790_000_000.0


@pytest.fixture
def archive(bundle, new_archive, random_frames):
    used = Bundle.open(bundle)
    written = new_archive(used)
    written.add("hall", random_frames(used, 80, 4), clock=MONDAY)
    written.add("a.mp4", random_frames(used, 80, 4, seed=1))
    return written.folder


@pytest.fixture
def ask(archive, bundle):
    def run(*arguments):
        command = ["search", str(archive), "--bundle", str(bundle), *map(str, arguments)]
        return CliRunner().invoke(main, command)

    return run


def test_words_give_a_table_and_say_what_was_searched(ask):
    result = ask("red", "green", "--top", 3)
    assert result.exit_code == 0, result.output
    assert result.stdout.count("hall") + result.stdout.count("a.mp4") == 3
    assert "Searched 160 frames" in result.stderr
    assert "scored every window" in result.stderr


def test_all_formats_hold_the_same_moments(ask, tmp_path):
    lines = ask("red", "--format", "jsonl").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    assert found
    assert all(one["windows"] and one["label"] == "red" for one in found)
    table = list(csv.DictReader(ask("red", "--format", "csv").stdout.splitlines()))
    assert [float(row["peak_s"]) for row in table] == [one["peak_s"] for one in found]
    output = tmp_path / "moments.parquet"
    assert ask("red", "--output", output).exit_code == 0
    assert pyarrow.parquet.read_table(output).to_pylist() == found


def test_a_label_file_and_what_to_ignore(ask, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("red\ngreen\n")
    both = ask("--labels", labels, "--format", "jsonl").stdout.splitlines()
    fewer = ask("--labels", labels, "--ignore", "blue", "--format", "jsonl").stdout.splitlines()
    assert {json.loads(line)["label"] for line in both} == {"red", "green"}
    windows = [sum(len(json.loads(line)["windows"]) for line in lines) for lines in (both, fewer)]
    assert windows[1] < windows[0]


def test_a_calibration_leaves_what_is_above_its_thresholds_and_says_their_rate(
    ask, bundle, tmp_path
):
    used = Bundle.open(bundle)
    red = next(label for label in used.bank.labels if label.name == "red")
    every = [json.loads(line) for line in ask("red", "--format", "jsonl").stdout.splitlines()]
    level = float(np.median([one["similarity"] for one in every]))
    sampling = used.manifest.sampling
    Calibration(
        graphs=graphs_of(used.manifest),
        sampling=type(sampling).__mro__[1](frames=sampling.frames, rate_fps=sampling.rate_fps),
        hours=24.0,
        false_alarms_per_day=1.0,
        rules=EventRules.of(Policy()),
        thresholds=(LabelThreshold("red", identity_of(red), level),),
    ).write(tmp_path / "calibration.json")
    result = ask("red", "--format", "jsonl", "--calibration", tmp_path / "calibration.json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert 0 < len(found) < len(every)
    assert all(one["similarity"] >= level for one in found)
    assert "1 false alarm a day" in result.stderr


def test_counts_by_stream_and_day(ask):
    by_stream = ask("red", "--count", "stream")
    assert "hall" in by_stream.stdout
    assert "a.mp4" in by_stream.stdout
    assert "not known" in ask("red", "--count", "day").stdout


def test_no_hit_is_a_sentence_and_no_error(ask):
    result = ask("red", "--since", "2030-01-01")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "There is no such moment." in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Nothing is asked for"),
        (("red", "--labels", "green"), "Both words and --labels"),
        (("red", "--like", "hall@3"), "no effect with --like"),
        (("red", "--format", "parquet"), "Parquet is no text"),
        (("red", "--output", "moments.doc"), "names no format"),
        (("red", "--count", "day", "--format", "csv"), "--count prints numbers"),
        (("red", "--since", "yesterday"), "--since takes a day"),
        (("red", "--stream", "attic"), "has no stream 'attic'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(ask, arguments, sentence):
    result = ask(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.split())


def test_an_empty_archive_and_one_too_small_for_an_index(archive, tmp_path):
    (tmp_path / "empty").mkdir()
    empty = CliRunner().invoke(main, ["search", str(tmp_path / "empty"), "red"])
    assert "is no archive" in " ".join(empty.stderr.split())
    small = CliRunner().invoke(main, ["reindex", str(archive)])
    assert small.exit_code == 2
    assert "has 160 frames" in small.stderr
