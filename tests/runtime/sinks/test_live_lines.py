"""What people see of a run in a terminal: a line for each stream, never wider than it."""

import io
import time
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from stzsar.runtime.results import ActionEvent, Duty, Overload, Recognition, Score, StreamState
from stzsar.runtime.sinks.live_lines import REDRAWS_PER_S, LiveLines
from stzsar.runtime.terminal.shortened import padded, shortened

LONG = "white diamond swinging on a rope at the far end of a very long hall"


def result(
    source="hall",
    label="archery",
    score=0.91,
    *,
    decided=True,
    age_ms: float | None = 40.0,
    end_s=1.0,
):
    top = (Score(label, score, 0.3), Score("waving a hand", 1 - score, 0.1))
    decision = label if decided else None
    return Recognition(source, 0.0, end_s, 4, top, decision=decision, time=9.0, age_ms=age_ms)


def event(kind, label="archery", source="hall"):
    return ActionEvent(kind, source, label, 61.5, None, 0.9, 2.5)


def state(name, source="hall", reason=""):
    return StreamState(source, name, reason, 9.0)


class Terminal:
    """A terminal of a size, the lines in it, and a clock."""

    def __init__(self, width, height=24, **options):
        self.now_s, self.width, self.out = 0.0, width, io.StringIO()
        console = Console(file=self.out, force_terminal=True, width=width, height=height)
        self.lines = LiveLines(console, now=lambda: self.now_s, **options)

    def seen(self):
        page = io.StringIO()
        Console(file=page, width=self.width, legacy_windows=False).print(self.lines.render())
        rows = page.getvalue().rstrip("\n").split("\n")
        assert all(cell_len(row) <= self.width for row in rows)
        return rows


@pytest.fixture
def terminal():
    made = []

    def make(width=80, **options):
        made.append(Terminal(width, **options))
        return made[-1]

    yield make
    for one in made:
        one.lines.close(1.0)


def test_a_line_has_the_state_the_rate_the_age_and_the_best_labels(terminal):
    read = {"hall": (0, None)}
    it = terminal(100, reading=lambda: read)
    it.lines.put(state("live"))
    it.seen()
    it.now_s, read["hall"] = 1.0, (25, None)
    it.lines.put(result())
    it.now_s = 1.2

    head, row = it.seen()

    assert head.split() == ["stream", "pictures", "age", "▶", "is", "decided"]
    assert row.split()[:4] == ["●", "hall", "21/s", "240"]
    assert "▶ archery" in row
    assert "━━━━━━━━━━━─" in row
    assert "91%" in row
    assert "  waving a hand" in row


def test_what_is_not_decided_has_no_mark(terminal):
    it = terminal()
    it.lines.put(result(decided=False))

    assert "▶" not in it.seen()[1]
    assert "archery" in it.seen()[1]


def test_what_is_decided_comes_first_even_if_another_label_is_better(terminal):
    it = terminal(60)
    found = result()
    it.lines.put(
        Recognition("hall", 0, 1, 4, found.top, decision="waving a hand", time=1.0, age_ms=1.0)
    )

    assert "▶ waving a hand" in it.seen()[1]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("labels", [0, 1, 5])
def test_nothing_is_wider_than_the_terminal_and_what_is_cut_has_an_ellipsis(
    terminal, width, labels
):
    it = terminal(width, labels=labels, files=3)
    it.lines.put(state("live", "camera 0"))
    it.lines.put(result("camera 0", LONG))
    it.lines.put(result("射" * 40, "射箭" * 20))
    it.lines.put(event("start", LONG, "camera 0"))
    it.lines.put(event("end", LONG, "camera 0"))
    it.lines.put(state("lost", "rtsp://hall.example/" + "x" * 90, LONG))
    it.lines.put(Overload(0.5, 1.0))

    text = "\n".join(it.seen())

    assert "…" in text
    if width == 200:
        assert labels == 0 or "white diamond" in text


def test_streams_that_are_away_say_why(terminal):
    it = terminal()
    for name in ("connecting", "stalled", "lost", "ended"):
        it.lines.put(state(name, name[:4], "no answer for 5 s"))

    rows = it.seen()[1:]

    for row, name in zip(rows, ("connecting", "stalled", "lost", "ended"), strict=True):
        assert f" {name}: no answer for 5 s" in row
    it.lines.put(state("live", "lost"))
    assert "no result yet" in it.seen()[3]


@pytest.mark.parametrize("height", [8, 24, 60])
def test_streams_that_do_not_fit_are_summed_up(terminal, height):
    it = terminal(height=height)
    for number in range(20):
        it.lines.put(state("live" if number else "lost", f"camera {number}"))
        it.lines.put(result(f"camera {number}"))

    rows = it.seen()

    assert len(rows) <= height - 1
    if height == 8:
        assert rows[-1] == "  and 16 more: 16 live, 16 with an action"
    else:
        assert len(rows) == 21


def test_beside_another_program_one_line_is_drawn(terminal):
    it = terminal(one_line=True, files=2)
    it.lines.put(result())
    assert len(it.seen()) == 1
    it.lines.put(state("live", "door"))
    assert it.seen() == ["  2 streams: 1 being read, 1 live, 1 with an action"]


def test_events_are_printed_above_with_their_times(terminal):
    it = terminal()
    it.lines.put(event("start"))
    it.lines.put(event("end"))

    above = it.out.getvalue()
    assert "1:01.5" in above
    assert "▶ archery" in above
    assert "■ archery" in above
    assert ", 2.5 s, at best 90%" in above


def test_with_events_only_a_line_shows_the_action_and_since_when(terminal):
    it = terminal(labels=0)
    it.lines.put(result())
    assert "none of these" in it.seen()[1]
    it.lines.put(event("start"))
    it.now_s = 4.0
    assert it.seen()[1].rstrip().endswith("▶ archery, 6.5 s")


def test_files_have_a_bar_below_and_leave_when_they_end(terminal):
    read = {"a.mp4": (50, 100)}
    it = terminal(files=2, reading=lambda: read)
    it.lines.put(result("a.mp4", age_ms=None, end_s=62.04))

    rows = it.seen()

    assert "1:02.0" in rows[1]
    assert "file 1 of 2" in rows[2]
    assert "25%" in rows[2]
    it.lines.source_ended("a.mp4")
    read.clear()
    assert len(it.seen()) == 1
    assert "50%" in it.seen()[0]


def test_with_whole_files_each_result_is_printed_and_no_line_stays(terminal):
    it = terminal(each_result=True, files=1)
    it.lines.put(result("clip.mp4", age_ms=None))

    assert "clip.mp4" in it.out.getvalue()
    assert "91%" in it.out.getvalue()
    assert "clip.mp4" not in "".join(it.seen())


def test_names_and_labels_cannot_move_the_cursor(terminal):
    it = terminal()
    it.lines.put(state("lost", "a\x1b[2Jb", "why\x1b[2J"))
    it.lines.put(event("start", "x\x1b[2Jy"))
    it.lines.put(result("c", "x\x1b[2Jy"))

    assert "\x1b[2J" not in "".join(it.seen()) + it.out.getvalue()


def test_an_ascii_terminal_gets_ascii():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    lines = LiveLines(Console(file=out, force_terminal=True, width=80, color_system=None))
    lines.put(state("live"))
    lines.put(result())
    lines.put(event("start"))
    time.sleep(1.5 / REDRAWS_PER_S)
    lines.close(1.0)
    out.flush()

    seen = out.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"> archery" in seen
    assert b"====" in seen


@pytest.mark.parametrize(
    ("text", "cells", "expected"),
    [
        ("archery", 7, "archery"),
        ("archery", 6, "arc…ry"),
        ("archery", 1, "…"),
        ("archery", 0, ""),
        ("射箭射箭", 5, "射…箭"),
        ("a b", 2, "a…"),
    ],
)
def test_texts_are_shortened_in_the_middle(text, cells, expected):
    assert shortened(text, cells) == expected
    assert cell_len(padded(text, cells)) == cells


def test_a_stream_that_makes_no_events_says_why_and_so_do_its_regions(terminal):
    it = terminal(100)
    it.lines.put(state("live"))
    it.lines.put(state("live", "hallway"))
    it.lines.put(replace(result(), region="door"))
    it.lines.put(result("hallway"))
    it.lines.put(Duty("hall", armed=False, scheduled=True, time=9.0))
    rows = {row.split()[1]: row for row in it.seen()[1:]}
    assert rows["hall"].endswith("off: switched off")
    assert rows["hall/door"].endswith("off: switched off")
    assert "archery" in rows["hallway"]
    it.lines.put(Duty("hall", armed=True, scheduled=False, time=9.0))
    assert sum("off: outside its schedule" in row for row in it.seen()) == 2
    it.lines.put(Duty("hall", armed=True, scheduled=True, time=9.0))
    assert not any("off:" in row for row in it.seen())


def test_an_action_that_is_told_again_is_printed_and_goes_on(terminal):
    it = terminal(100, labels=0)
    it.lines.put(state("live"))
    it.lines.put(event("start"))
    it.lines.put(event("repeat"))
    assert "archery, still, after 2.5 s" in it.out.getvalue()
    assert "▶ archery" in it.seen()[1]
    it.lines.put(event("end"))
    assert "none of these" in it.seen()[1]
