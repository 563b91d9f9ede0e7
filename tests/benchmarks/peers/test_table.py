"""The table's arithmetic, and what it refuses to print."""

import json

import pytest

from stzsar.benchmarks.bench.percentiles import percentile
from stzsar.benchmarks.peers.interleave import Track
from stzsar.benchmarks.peers.roster import PEERS
from stzsar.benchmarks.peers.table import draw, make_results, markdown_table

from ..tables import cells

STREAM, WHOLE = PEERS[:2]
READY = {"load_s": 2.0, "precision": "fp32", "versions": {"onnxruntime": "1.0"}}


def track(rounds_ms: list[list[float]], **others) -> Track:
    return Track(ready=READY, rounds_ms=rounds_ms, rss_mib=300.0, **others)


def rows(streaming: Track, whole: Track):
    tracks = {STREAM.name: streaming, WHOLE.name: whole}
    return make_results((STREAM, WHOLE), tracks, STREAM.name)


@pytest.mark.parametrize(("rank", "enough"), [(50, 1), (90, 100), (99, 1000)])
def test_a_percentile_of_too_few_samples_is_refused(rank, enough):
    assert percentile([1.0] * (enough - 1), rank) is None
    assert percentile([1.0] * enough, rank) == 1.0


def test_windows_a_second_count_all_decisions_and_all_their_time():
    row = rows(track([[10.0, 10.0], [20.0, 40.0]]), track([[80.0]] * 2))[0]
    assert row.windows_per_s == pytest.approx(4 / 0.080)
    assert row.p50_ms == 10.0
    assert row.decisions == 4


def test_ratios_are_of_the_same_round():
    # Everything takes ten times as long in the second round: no ratio shows it.
    row = rows(track([[10.0, 10.0, 11.0], [100.0]]), track([[80.0], [800.0]]))[1]
    assert (row.ratio, row.ratio_quartiles) == (8.0, (8.0, 8.0))


def test_ratios_have_the_quartiles_of_the_rounds():
    row = rows(track([[10.0]] * 5), track([[60.0], [70.0], [80.0], [90.0], [100.0]]))[1]
    assert (row.ratio, row.ratio_quartiles) == (8.0, (7.0, 9.0))


def test_the_table_holds_what_was_measured_with_dashes_for_what_was_not():
    found = rows(track([[10.0] * 500] * 2), track([[80.0] * 60] * 2))
    own, whole = (cells(markdown_table(found), row) for row in range(2))
    assert own[1:] == [
        "fp32", "100", "10 / 10 / 10", "1000", "300", "2", "1 (1–1)",
    ]  # fmt: skip
    assert whole[3] == "80 / 80 / –"
    assert whole[7] == "8 (8–8)"


def test_a_peer_that_failed_is_below_the_table_with_its_reason():
    lines = markdown_table(rows(track([[10.0]]), Track(failed="It died."))).splitlines()
    assert lines[-1] == f"Not measured: {WHOLE.title} ({WHOLE.name}): It died."
    assert len([line for line in lines if line.startswith("|")]) == 3


def test_without_streaming_there_are_rows_but_no_ratios():
    own, whole = rows(Track(failed="It died."), track([[80.0]]))
    assert own.failed
    assert (whole.ratio, whole.p50_ms) == (None, 80.0)
    assert cells(markdown_table([own, whole]))[-1] == "–"


def test_who_works_while_others_have_their_turn_is_named():
    text = markdown_table(rows(track([[10.0]], idle=0.01), track([[80.0]], idle=0.7)))
    assert f"Do not trust {WHOLE.name}: it used 70% of a core" in text
    assert f"trust {STREAM.name}" not in text


def test_the_picture_has_one_bar_for_each_peer_that_was_measured(tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "bars.svg"
    draw(rows(track([[10.0]]), track([[80.0]])), path, "here, so")
    one = tmp_path / "one.svg"
    draw(rows(track([[10.0]]), Track(failed="It died.")), one, "here, so")
    assert path.read_text().count("clip-path") - one.read_text().count("clip-path") == 1


def test_every_peer_is_named_once_and_what_is_kept_of_it_is_json():
    assert len({peer.name for peer in PEERS}) == len({peer.title for peer in PEERS}) == len(PEERS)
    json.dumps(READY)
