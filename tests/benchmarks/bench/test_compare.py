"""Two records, figure by figure."""

import json

import pytest
from click.testing import CliRunner

from stzsar.benchmarks.bench.cli import main
from stzsar.benchmarks.bench.compare import Ratio, differences, ratio, verdict
from stzsar.benchmarks.bench.record import KIND, VERSION, Better, Figure


def figure(*values: float, better: Better = "more"):
    return Figure("1/s", better, values)


def write(path, figures, setup=None, **more):
    document = {
        "kind": KIND,
        "version": VERSION,
        "setup": setup or {"threads": 2},
        "figures": {
            name: {"unit": "1/s", "better": "more", "values": values}
            for name, values in figures.items()
        },
        **more,
    }
    path.write_text(json.dumps(document))
    return str(path)


def compare(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)], env={"COLUMNS": "120"})


def test_a_ratio_is_that_of_the_medians_and_its_range_that_of_all_turns():
    found = ratio(figure(10.0, 8.0, 12.0), figure(20.0, 30.0, 24.0))
    assert found == Ratio(2.4, 20 / 12, 30 / 8)


def test_ranges_that_hold_one_show_nothing():
    found = ratio(figure(10.0, 12.0), figure(11.0, 13.0))
    assert found is not None
    assert not found.clear
    assert verdict(figure(1.0), found) == "unclear"


@pytest.mark.parametrize(("better", "word"), [("more", "better"), ("less", "worse")])
def test_twice_as_much_is_better_or_worse(better, word):
    found = ratio(figure(1.0, 1.1), figure(2.0, 2.1))
    assert found is not None
    assert verdict(figure(1.0, better=better), found) == word


def test_nothing_is_divided_by_zero():
    assert ratio(figure(0.0, 1.0), figure(2.0)) is None


def test_what_differs_is_named_also_where_one_has_it_alone():
    found = differences({"threads": 2, "GPU": "Orin", "T": 8}, {"threads": 4, "T": 8})
    assert found == {"threads": ("2", "4"), "GPU": ("Orin", "–")}


def test_the_command_prints_ratios_and_what_differs(tmp_path):
    a = write(tmp_path / "a.json", {"windows/s": [10, 11], "gone": [1]})
    b = write(tmp_path / "b.json", {"windows/s": [20, 22], "new": [1]}, {"threads": 4})
    result = compare(a, b)
    assert result.exit_code == 0, result.output
    row = next(line.split() for line in result.stdout.splitlines() if "windows/s" in line)
    assert row == ["windows/s", "10.5", "21", "2", "1.82", "…", "2.2", "better"]
    assert ["threads", "2", "4"] in [line.split() for line in result.stdout.splitlines()]
    assert "Only in one of them: gone, new." in result.stdout
    assert "The set-ups are the same." in compare(a, a).stdout


def test_what_is_no_record_of_this_version_is_refused_in_a_sentence(tmp_path):
    good = write(tmp_path / "a.json", {"windows/s": [1]})
    other = write(tmp_path / "b.json", {"windows/s": [1]}, version=VERSION + 1)
    foreign, broken = tmp_path / "foreign.json", tmp_path / "broken.json"
    foreign.write_text('{"version": 1}')
    broken.write_text("{")
    empty = write(tmp_path / "c.json", {"windows/s": []})
    apart = write(tmp_path / "d.json", {"frames/s": [1]})
    for path, words in {
        other: "compares version",
        str(foreign): "not a record",
        str(broken): "not JSON",
        empty: "corrupt",
        apart: "no figure in common",
        str(tmp_path / "gone.json"): "Cannot read",
    }.items():
        result = compare(good, path)
        assert result.exit_code == 2, path
        assert words in " ".join(result.stderr.split())
        assert "Traceback" not in result.output
