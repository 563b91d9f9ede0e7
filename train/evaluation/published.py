"""Published zero-shot figures of other families, to print beside ours.

They are copied from their papers and pages, as published.json says, and none was measured here.
"""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct
from rich.table import Table

from ...runtime.documents import MIB, from_json, read_file
from ...runtime.errors import StzsarError
from ...runtime.labels.names import name_key
from ...runtime.labels.shipped import shipped_labels
from .report import HEAD, Report

FILE = Path(__file__).with_name("published.json")
TO_BE_RUN = "to be run by whoever has the file"
_Percent = Annotated[float, Meta(ge=0, le=100)]
# What a protocol tests, in the words of the papers.
_PROTOCOLS = {
    "splits": "three official splits",
    "full": "all clips",
    "halves": "ten random halves of the classes",
    "k600-160": "three splits of 160 classes",
}


class Figure(Struct, forbid_unknown_fields=True):
    """One number of a family's table."""

    data: str  # the data set, as its labels ship
    protocol: str  # of `stzsar-eval --protocol`
    backbone: str
    frames: int
    views: str  # clips x crops
    top1: _Percent
    source: str  # where it is published
    std: _Percent | None = None


class Family(Struct, forbid_unknown_fields=True):
    title: str
    rows: tuple[Figure, ...]


def published() -> dict[str, Family]:
    """Return the figures by the names of families that stzsar-import has."""
    return from_json(read_file(FILE, MIB), dict[str, Family])


def family_of(name: str) -> Family:
    """Return the figures of a family.

    Raises:
        StzsarError: there are none.
    """
    families = published()
    if name not in families:
        raise StzsarError(
            f"There are no published figures of {name!r:.80}. Choose one of {', '.join(families)}."
        )
    return families[name]


def table_beside(name: str, report: Report, protocol: str) -> Table:
    """Return a family's published table, with our figure where the test was the same."""
    family = family_of(name)
    tested = _data_of(report, protocol)
    columns = ("published", "test", "backbone", "frames", "views", "theirs", "ours", "source")
    table = Table(*columns, title=f"{family.title}, top-1")
    for row in family.rows:
        same = (row.data, row.protocol) == (tested, protocol)
        ours = _ours(report) if same else TO_BE_RUN
        table.add_row(
            row.data, _PROTOCOLS[row.protocol], row.backbone, str(row.frames), row.views,
            _spread(row.top1, row.std), ours, row.source,
        )  # fmt: skip
    return table


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
        return _spread(100 * top1.mean, 100 * top1.std)
    top1 = report.rows[0].head.top1
    return TO_BE_RUN if top1 is None else _spread(100 * top1, None)


def _spread(value: float, std: float | None) -> str:
    return f"{value:.1f} %" if std is None else f"{value:.1f} ± {std:.1f} %"
