import io

import pytest
from rich.console import Console

from stzsar.runtime.command.summary import SHOWN_LABELS, SourceSummary, summary_table
from stzsar.runtime.results import Recognition, Score


def result(start_s: float, label: str, score: float = 0.5, *, decided: bool = True) -> Recognition:
    top = (Score(label, score, 0.1),)
    return Recognition("x", start_s, start_s + 1, 4, top, decision=label if decided else None)


def summary_of(name: str, *results: Recognition) -> SourceSummary:
    summary = SourceSummary(name)
    for recognition in results:
        summary.add(recognition)
    return summary


def rows(*summaries: SourceSummary) -> list[list[str]]:
    out = io.StringIO()
    Console(file=out, width=200).print(summary_table(list(summaries)))
    lines = [line for line in out.getvalue().splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_results_with_the_same_decision_are_merged():
    summary = summary_of(
        "a.mp4",
        *(result(0.0, "red", 0.4), result(0.5, "red", 0.6)),
        *(result(1.0, "blue"), result(1.5, "red")),
    )

    # Windows overlap; what is shown begins where the one before ended.
    assert rows(summary) == [
        ["0.0 s", "1.5 s", "red", "0.50"],
        ["1.5 s", "2.0 s", "blue", "0.50"],
        ["2.0 s", "2.5 s", "red", "0.50"],
    ]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("/data/of/last/week/hall/clip.mp4", "clip.mp4"),
        ("camera 0", "camera 0"),
        ("rtsp://h/x", "rtsp://h/x"),
    ],
)
def test_one_source_is_titled_without_the_folders_of_its_file(name, title):
    assert str(summary_table([summary_of(name, result(0, "red"))]).title) == title


def test_where_nothing_was_decided_it_says_so_with_the_best_label_beside():
    summary = summary_of(
        "a.mp4",
        *(result(0.0, "red", decided=False), result(0.5, "blue", 0.3, decided=False)),
        *(result(1.0, "blue", 0.4, decided=False), result(1.5, "red", 0.9)),
    )

    assert rows(summary) == [
        ["0.0 s", "2.0 s", "none of these (best: blue)", "0.40"],
        ["2.0 s", "2.5 s", "red", "0.90"],
    ]
    assert rows(summary, SourceSummary("b.mp4"))[0][1] == "none of these (best: blue)"


def test_the_score_is_that_of_what_was_decided_and_not_of_a_better_label():
    top = (Score("red", 0.7, 0.1), Score("blue", 0.2, 0.1))

    assert rows(summary_of("a.mp4", Recognition("x", 0, 1, 4, top, decision="blue"))) == [
        ["0.0 s", "1.0 s", "blue", "0.20"]
    ]


def test_a_gap_parts_equal_labels():
    assert rows(summary_of("a.mp4", result(0, "red"), result(10, "red"))) == [
        ["0.0 s", "1.0 s", "red", "0.50"],
        ["10.0 s", "11.0 s", "red", "0.50"],
    ]


def test_several_sources_get_one_line_each_without_their_common_folder():
    first = summary_of("/clips/a.mp4", result(0, "red"), result(1, "red"), result(2, "blue"))
    second = summary_of("/clips/sub/[bold].mp4", result(0, "blue", 0.9))

    assert rows(first, second, SourceSummary("/clips/c.mp4")) == [
        ["a.mp4", "red", "67% of 3", "0.50"],
        ["sub/[bold].mp4", "blue", "100% of 1", "0.90"],
        ["c.mp4", "nothing", "", ""],
    ]


def test_decisions_that_change_with_every_window_are_counted_and_not_listed_one_by_one():
    results = [result(0.2 * index, f"label {index % 4 % 3}") for index in range(1000)]

    assert rows(summary_of("camera 0", *results)) == [
        ["label 0", "50% of 1000", "0.50"],
        ["label 1", "25% of 1000", "0.50"],
        ["label 2", "25% of 1000", "0.50"],
    ]


def test_a_summary_fits_on_a_screen_however_many_labels_there_are():
    results = [result(index, f"label {index % 100}") for index in range(1000)]

    found = rows(summary_of("camera 0", *results))

    assert len(found) == SHOWN_LABELS + 1
    assert found[-1] == ["(90 others)", "90% of 1000", ""]
