"""What was recognised over time, as a table for people."""

from collections import deque
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..results import Message, Recognition
from ..sources.frames import Frame
from ..terminal.commandline import printable

# A camera may run for months: only the last segments are kept.
KEPT_SEGMENTS = 50


@dataclass
class _Segment:
    label: str
    start_s: float
    end_s: float
    score_sum: float = 0.0
    results: int = 0

    @property
    def mean_score(self) -> float:
        return self.score_sum / self.results


class SourceSummary:
    """The results of one source: runs of the same best label, and how often each label was best."""

    def __init__(self, name: str) -> None:
        self.name = printable(name)
        self._segments: deque[_Segment] = deque(maxlen=KEPT_SEGMENTS)
        self._by_label: dict[str, _Segment] = {}
        self._segment_count = 0

    def __bool__(self) -> bool:
        return self._segment_count > 0

    def add(self, recognition: Recognition) -> None:
        """Take in the next result of the source."""
        last = self._segments[-1] if self._segments else None
        # Windows overlap; a segment begins where the one before ended, unless there was a gap.
        if last is None or last.label != recognition.label or recognition.start_s > last.end_s:
            start_s = max(recognition.start_s, last.end_s if last else 0.0)
            last = _Segment(recognition.label, start_s, recognition.end_s)
            self._segments.append(last)
            self._segment_count += 1
        total = self._by_label.setdefault(
            recognition.label, _Segment(recognition.label, recognition.start_s, 0.0)
        )
        for segment in (last, total):
            segment.end_s = recognition.end_s
            segment.score_sum += recognition.score
            segment.results += 1

    def timeline(self) -> Table:
        """Return the segments as a table: from, to, label, mean score."""
        table = Table(title=Text(self.name), title_justify="left")
        _add_columns(table, ["from", "to"], "label", ["mean score"])
        left_out = self._segment_count - len(self._segments)
        if left_out:
            table.add_row("", "", f"({left_out} earlier ones)", "")
        for segment in self._segments:
            table.add_row(
                f"{segment.start_s:.1f} s",
                f"{segment.end_s:.1f} s",
                Text(segment.label),
                f"{segment.mean_score:.2f}",
            )
        return table

    def row(self, name: str) -> tuple[Text, Text, str, str]:
        """Return one line: name, most frequent best label, its share of results, its mean score."""
        results = sum(segment.results for segment in self._by_label.values())
        best = max(self._by_label.values(), key=lambda segment: segment.results, default=None)
        if best is None:
            return Text(name), Text("nothing"), "", ""
        share = f"{best.results / results:.0%} of {results}"
        return Text(name), Text(best.label), share, f"{best.mean_score:.2f}"


class Summaries:
    """The summaries of a run's sources, as one of its sinks.

    Attributes: see `sinks.sink.Sink`.
    """

    name, wants_frames = "summary", False

    def __init__(self) -> None:
        self._of_source: dict[str, SourceSummary] = {}

    def __bool__(self) -> bool:
        return any(self._of_source.values())

    def table(self) -> Table:
        """Return one source's timeline, or one line for each of several sources."""
        return summary_table(list(self._of_source.values()))

    def put(self, message: Message) -> None:
        """Take in a result."""
        if isinstance(message, Recognition):
            self._summary(message.source).add(message)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: a summary is of results."""

    def source_ended(self, source: str) -> None:
        """Give a source a line that had no result."""
        self._summary(source)

    def close(self, timeout_s: float) -> None:
        """Do nothing: it is printed later."""

    def _summary(self, source: str) -> SourceSummary:
        return self._of_source.setdefault(source, SourceSummary(source))


def summary_table(summaries: list[SourceSummary]) -> Table:
    """Return one source's timeline, or one line for each of several sources."""
    if len(summaries) == 1:
        return summaries[0].timeline()
    table = Table()
    _add_columns(table, [], "source", [])
    _add_columns(table, [], "label", ["results", "mean score"])
    for summary, name in zip(summaries, _short([s.name for s in summaries]), strict=True):
        table.add_row(*summary.row(name))
    return table


def _short(names: list[str]) -> list[str]:
    """Return the names without the folders that they all begin with."""
    parts = [Path(name).parts for name in names]
    common = len(list(takewhile(lambda places: len(set(places)) == 1, zip(*parts, strict=False))))
    common = min(common, *(len(own) - 1 for own in parts))
    return [str(Path(*own[common:])) for own in parts] if common else names


def _add_columns(table: Table, before: list[str], text: str, after: list[str]) -> None:
    for name in before:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(text, overflow="fold")
    for name in after:
        table.add_column(name, justify="right", no_wrap=True)
