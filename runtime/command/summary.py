"""The summary of a run: what was decided over time, as a table."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from os.path import commonpath, relpath
from pathlib import Path

from rich.table import Table
from rich.text import Text

from ..results import NONE_OF_THESE, Message, Recognition, place_of
from ..sinks.sink import Sink
from ..terminal.commandline import printable

# A screen holds so many segments. More are a long run, or labels that change with every window:
# then a line for each label says more.
SHOWN_SEGMENTS, SHOWN_LABELS = 20, 10


@dataclass
class _Segment:
    """Results with one decision.

    The score is that of the label that was decided on, or of the best label where none was.
    """

    decision: str | None
    start_s: float
    end_s: float = 0.0
    score_sum: float = 0.0
    best: Counter[str] = field(default_factory=Counter[str])

    def add(self, found: Recognition) -> None:
        self.end_s = found.end_s
        decided = found.decided or found.top[0]
        self.score_sum += decided.score
        self.best[found.label] += 1

    @property
    def results(self) -> int:
        return self.best.total()

    @property
    def mean_score(self) -> float:
        return self.score_sum / self.results

    @property
    def words(self) -> Text:
        """What was decided; where nothing was, with the most frequent best label beside it."""
        if self.decision is not None:
            return Text(self.decision)
        (label, _), *_ = self.best.most_common(1)
        return Text.assemble(NONE_OF_THESE, (f" (best: {label})", "bright_black"))


class SourceSummary:
    """The results of one source: segments with the same decision, and totals by decision."""

    def __init__(self, name: str) -> None:
        self.name: str = printable(name)
        self._segments: deque[_Segment] = deque(maxlen=SHOWN_SEGMENTS)
        self._by_decision: dict[str | None, _Segment] = {}
        self._segment_count = 0

    def __bool__(self) -> bool:
        return self._segment_count > 0

    def add(self, found: Recognition) -> None:
        """Add the next result of the source."""
        last = self._segments[-1] if self._segments else None
        # Windows overlap; a segment begins where the one before ended, unless there was a gap.
        if last is None or last.decision != found.decision or found.start_s > last.end_s:
            start_s = max(found.start_s, last.end_s if last else 0.0)
            last = _Segment(found.decision, start_s)
            self._segments.append(last)
            self._segment_count += 1
        last.add(found)
        total = _Segment(found.decision, found.start_s)
        self._by_decision.setdefault(found.decision, total).add(found)

    def timeline(self) -> Table:
        """Return the segments as a table: from, to, decision, mean score; or how often each was."""
        if self._segment_count > SHOWN_SEGMENTS:
            return self._decisions()
        table = _table("from", "to", "decision", "mean score", title=self._title)
        for segment in self._segments:
            table.add_row(
                f"{segment.start_s:.1f} s",
                f"{segment.end_s:.1f} s",
                segment.words,
                f"{segment.mean_score:.2f}",
            )
        return table

    @property
    def _title(self) -> str:
        """The name without the folders of a file: a title that is wider than its table wraps."""
        return self.name if "://" in self.name else Path(self.name).name or self.name

    def _decisions(self) -> Table:
        title = f"{self._title}: {self._segment_count} changes of decision"
        table = _table("decision", "results", "mean score", title=title)
        often = sorted(self._by_decision.values(), key=lambda total: -total.results)
        results = sum(total.results for total in often)
        for total in often[:SHOWN_LABELS]:
            share = f"{total.results / results:.0%} of {results}"
            table.add_row(total.words, share, f"{total.mean_score:.2f}")
        if others := often[SHOWN_LABELS:]:
            share = sum(total.results for total in others) / results
            table.add_row(f"({len(others)} others)", f"{share:.0%} of {results}", "")
        return table

    def row(self, name: str) -> tuple[Text, Text, str, str]:
        """Return one line: name, most frequent decision, its share of results, its mean score."""
        results = sum(segment.results for segment in self._by_decision.values())
        often = max(self._by_decision.values(), key=lambda segment: segment.results, default=None)
        if often is None:
            return Text(name), Text("nothing"), "", ""
        share = f"{often.results / results:.0%} of {results}"
        return Text(name), often.words, share, f"{often.mean_score:.2f}"


class Summaries(Sink):
    """The summaries of a run's sources, as one of its sinks."""

    name: str = "summary"

    def __init__(self) -> None:
        self._by_source: dict[str, SourceSummary] = {}

    def __bool__(self) -> bool:
        return any(self._by_source.values())

    def table(self) -> Table:
        """Return one source's timeline, or one line for each of several sources."""
        return summary_table(list(self._by_source.values()))

    def put(self, message: Message) -> None:
        """Add a result."""
        if isinstance(message, Recognition):
            self._summary(place_of(message)).add(message)

    def source_ended(self, source: str) -> None:
        """Give a source without results a line, too."""
        if not any(name.startswith(f"{source}/") for name in self._by_source):
            self._summary(source)

    def close(self, timeout_s: float) -> None:
        """Do nothing: the run prints the table when everything is closed."""

    def _summary(self, source: str) -> SourceSummary:
        return self._by_source.setdefault(source, SourceSummary(source))


def summary_table(summaries: Sequence[SourceSummary]) -> Table:
    """Return one source's timeline, or one line for each of several sources."""
    if len(summaries) == 1:
        return summaries[0].timeline()
    table = _table("source", "decision", "results", "mean score")
    for summary, name in zip(summaries, _short([s.name for s in summaries]), strict=True):
        table.add_row(*summary.row(name))
    return table


def _short(names: list[str]) -> list[str]:
    """Return the names without the folders that all of them begin with."""
    try:
        common = commonpath([str(Path(name).parent) for name in names])
    except ValueError:  # some are absolute and some are not
        return names
    return [relpath(name, common) for name in names] if common else names


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title and Text(title), title_justify="left")
    for column in columns:
        is_text = column in ("source", "decision")
        table.add_column(
            column,
            justify="left" if is_text else "right",
            overflow="fold" if is_text else "ellipsis",
            no_wrap=not is_text,
        )
    return table
