"""A report as tables for the terminal."""

from collections.abc import Iterator

from rich.table import Table

from ...runtime.labels.names import name_key
from ...runtime.labels.shipped import shipped_labels
from ...runtime.terminal.commandline import printable
from .arithmetic import Spread
from .options import EvalOptions
from .published import family_of
from .report import HEAD, VOTING, ClassResult, Report

TO_BE_RUN = "to be run by whoever has the file"
# What a protocol tests, in the words of the papers.
_PROTOCOLS = {
    "splits": "three splits",
    "full": "all clips",
    "halves": "ten halves of the classes",
    "k600-160": "3 x 160 classes",
}


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


def tables_beside(options: EvalOptions, report: Report) -> Iterator[Table]:
    """Yield the asked family's published table, with our figure where the test was the same."""
    if options.beside is None:
        return
    family = family_of(options.beside)
    tested = _data_of(report, options.protocol)
    sources = "; ".join(dict.fromkeys(row.source for row in family.rows))
    means = ""
    if "softmaxes" in (family.prompt_mean, options.prompt_mean):
        means = (
            f" Over prompts, their test averages {family.prompt_mean}, ours {options.prompt_mean}."
        )
    table = Table(
        f"{family.title}, top-1", "network", "views", "theirs", "ours",
        caption=f"-: {TO_BE_RUN}. Theirs: {sources}.{means}",
    )  # fmt: skip
    for row in family.rows:
        same = (row.data, row.protocol) == (tested, options.protocol)
        table.add_row(
            f"{row.data}, {_PROTOCOLS[row.protocol]}", f"{row.backbone}, {row.frames} frames",
            row.views, _figure(row.top1, row.std), _ours(report) if same else "-",
        )  # fmt: skip
    yield table


def _data_of(report: Report, protocol: str) -> str | None:
    """Return the data set whose classes were tested, if it is one of those that papers test."""
    if protocol == "k600-160":
        return "kinetics-600"
    classes = {name_key(row.name) for row in report.classes}
    for name in ("ucf-101", "hmdb-51"):
        if classes == {name_key(label.name) for label in shipped_labels(name)}:
            return name
    return None


def _ours(report: Report) -> str:
    if report.summary:
        top1 = report.summary[HEAD].top1
        return _figure(100 * top1.mean, 100 * top1.std)
    return _figure(100 * report.rows[0].head.top1, None)


def _figure(value: float, std: float | None) -> str:
    return f"{value:.1f}" if std is None else f"{value:.1f} ± {std:.1f}"
