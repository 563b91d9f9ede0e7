"""The progress bar on a terminal, and its absence elsewhere."""

import io

import pytest
from rich.console import Console

from stzsar.runtime.terminal import progress


@pytest.fixture
def terminal(monkeypatch):
    """What a terminal gets to see."""
    out = io.StringIO()
    monkeypatch.setattr(
        progress, "console", Console(file=out, force_terminal=True, width=80, color_system=None)
    )
    return out


def test_a_bar_shows_what_is_done_and_vanishes_at_the_end(terminal):
    with progress.bar() as shown:
        shown.update(shown.add_task("[bold]file 1", total=2), completed=0.5)

    text = terminal.getvalue()
    assert "[bold]file 1" in text
    assert "25%" in text
    assert text.rstrip().endswith("\x1b[2K")  # the line is erased


def test_embedding_and_building_share_one_bar(terminal):
    with progress.loading_progress() as (on_embedded, on_build):
        on_embedded(1, 4)
        on_build(0.5, "a" * 60)

    text = terminal.getvalue()
    assert text.count("\n") <= 1
    assert f"{'a' * 20}…{'a' * 19} " in text
    assert "50%" in text


def test_embedding_counts_the_texts(terminal):
    with progress.loading_progress() as (on_embedded, _):
        on_embedded(1, 4)

    assert "embedding labels, 1 of 4 texts" in terminal.getvalue()


@pytest.mark.parametrize(("share", "count"), [(0, "0.0/605.1 MB"), (0.5, "302.6/605.1 MB")])
def test_a_download_shows_bytes_share_and_time_within_80_columns(terminal, share, count):
    with progress.transfer_progress() as on_bytes:
        on_bytes(int(share * 605_143_284), 605_143_284)

    text = terminal.getvalue()
    assert f"{share:.0%} {count}" in text
    assert not share or ":" in text.split(count)[1]  # the time that is left, once there is a speed
    assert "…" not in text


@pytest.mark.parametrize("shown", [True, False])
def test_no_bar_is_drawn_where_stderr_is_no_terminal_or_the_run_is_quiet(monkeypatch, shown):
    out = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=out, force_terminal=not shown))
    with progress.bar(shown) as unseen:
        unseen.add_task("file 1 of 2", total=2)

    assert out.getvalue() == ""
