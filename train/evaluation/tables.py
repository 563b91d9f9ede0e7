"""A report as tables for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from ...runtime.terminal.commandline import printable
from .arithmetic import Spread
from .report import HEAD, VOTING, ClassResult, Report


def tables_of(report: Report, *, per_class: bool = False) -> Iterator[Table]:
    yield _accuracies(report)
    if report.generalised:
        yield _generalised(report)
    if per_class:
        yield _classes(report)
    if report.confusions:
        yield _confusions(report)


def _accuracies(report: Report) -> Table:
    voting = any(row.voting for row in report.rows)
    columns = ["clips", "classes", "top-1", "top-5", "class mean"]
    table = _table("test", *columns, *(["voting top-1", "voting top-5"] if voting else []))
    for row in report.rows:
        shares = [row.head.top1, row.head.top5, row.head.class_mean]
        votes = [row.voting.top1, row.voting.top5] if row.voting else []
        numbers = (str(row.head.clips), str(row.candidates))
        table.add_row(row.name, *numbers, *(_percent(share) for share in (*shares, *votes)))
    if report.summary:
        table.add_section()
        head, voted = report.summary[HEAD], report.summary.get(VOTING)
        cells = [
            head.top1,
            head.top5,
            head.class_mean,
            *([voted.top1, voted.top5] if voted else []),
        ]
        table.add_row("mean ± std", "", "", *map(_spread, cells))
    return table


def _generalised(report: Report) -> Table:
    table = _table(
        "with training classes", "by", "classes", "bias", "seen", "unseen", "harmonic mean", "AUSUC"
    )
    for name, rows in report.generalised.items():
        for row in rows:
            shares = (row.seen, row.unseen, row.harmonic, row.area)
            counts = (str(row.candidates), f"{row.bias:.2f}")
            table.add_row(row.name, name, *counts, *map(_percent, shares))
    return table


def _classes(report: Report) -> Table:
    table = _table("class", "clips", "top-1", "voting top-1")

    def hardest_first(row: ClassResult) -> tuple[float, str]:
        return (2.0 if row.head is None else row.head, row.name)

    for row in sorted(report.classes, key=hardest_first):
        shares = _percent(row.head), _percent(row.voting)
        table.add_row(printable(row.name), str(row.clips), *shares)
    return table


def _confusions(report: Report) -> Table:
    table = Table("worst confusions: is", "taken for")
    table.add_column("clips", justify="right")
    table.add_column("of the class", justify="right")
    for row in report.confusions:
        names = printable(row.truth), printable(row.taken_for)
        table.add_row(*names, str(row.clips), _percent(row.share))
    return table


def _table(first: str, *columns: str) -> Table:
    table = Table(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"


def _spread(value: Spread) -> str:
    return f"{100 * value.mean:.2f} ± {100 * value.std:.2f}"
