"""The report of a search: one HTML file that asks nobody for anything."""

import base64
import hashlib
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

from ... import atomic
from ...events.moments import shown_moment
from ..search.moments import Moment
from .chart import draw_scores, shown_s
from .stills import cut_still

_STYLE = Path(__file__).with_name("report.css")
_IS_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_LINKED = ("http://", "https://")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a report shows.

    Attributes:
        moments: what was found, the best first.
        archive: where it was searched, as people named it.
        facts: sentences about the search: what was left out, which bundle.
    """

    moments: Sequence[Moment]
    archive: str
    facts: Sequence[str] = ()


def write_report(report: Report, path: Path) -> None:
    """Write a report.

    Videos are linked relative to the file, so a folder of both can be moved.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_file(path, html_of(report, folder=path.parent.absolute()))


def html_of(report: Report, *, folder: Path) -> str:
    """Return a report as HTML.

    Args:
        report: what it shows.
        folder: where the file will be: links start there.
    """
    style = _STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    labels = list(dict.fromkeys(moment.label for moment in report.moments))
    title = ", ".join(labels) or "Nothing found"
    groups = "".join(
        _group(label, [one for one in report.moments if one.label == label], folder, len(labels))
        for label in labels
    )
    nothing = '<p class="none">No moment of this archive fits what was asked for.</p>'
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f"<header><h1>{escape(title)}</h1>{_summary(report)}</header>"
        f"<main>{groups or nothing}</main>"
        "<footer>Made by stzsar-archive. The pictures are in this file, the videos are not."
        "</footer>"
        "</body></html>\n"
    )


def _summary(report: Report) -> str:
    streams = len({moment.stream for moment in report.moments})
    lines = [
        f"{_counted(len(report.moments), 'moment')} in {_counted(streams, 'stream')} of "
        f"{report.archive}, {shown_moment(time.time())[:16]}",
        *report.facts,
    ]
    return "".join(f'<p class="facts">{escape(line)}</p>' for line in lines)


def _group(label: str, moments: Sequence[Moment], folder: Path, groups: int) -> str:
    head = f"<h2>{escape(label)} <small>{len(moments)}</small></h2>" if groups > 1 else ""
    return f"<section>{head}<ol>{''.join(_moment(one, folder) for one in moments)}</ol></section>"


def _moment(moment: Moment, folder: Path) -> str:
    still = moment.still
    if still is None and moment.path and not _IS_ADDRESS.match(moment.path):
        still = cut_still(Path(moment.path), moment.peak_s)
    picture = (
        f'<img alt="{escape(moment.label)}" '
        f'src="data:image/jpeg;base64,{base64.b64encode(still).decode()}">'
        if still
        else "No picture"
    )
    link = _link(moment, folder)
    at = f"Open the video at {shown_s(moment.start_s)}"
    opens = f'<a href="{escape(link)}">{at}</a>' if link else ""
    chart = draw_scores(
        moment.windows, start_s=moment.start_s, end_s=moment.end_s, peak_s=moment.peak_s
    )
    return (
        f'<li class="moment"><div class="still">{picture}</div><div class="words">'
        f'<div class="top"><h3>{escape(moment.stream)}</h3>'
        f'<span class="score">{moment.peak:.0%}</span></div>'
        f'<p class="when">{escape(_when(moment))}</p>{chart}'
        f"{opens}</div></li>"
    )


def _when(moment: Moment) -> str:
    span = f"{shown_s(moment.start_s)} to {shown_s(moment.end_s)}"
    best = f"best at {shown_s(moment.peak_s)}"
    if moment.start_clock is None:
        return f"{span}, {best}"
    return f"{shown_moment(moment.start_clock)}, {span} of the stream, {best}"


def _link(moment: Moment, folder: Path) -> str | None:
    """Return what opens the video at the moment's start; None where there is no video."""
    if not moment.path:
        return None
    at = f"#t={max(0.0, moment.start_s):.3f}".rstrip("0").rstrip(".")
    if _IS_ADDRESS.match(moment.path):
        # A password may stand in other addresses, and a browser opens none of them.
        is_linked = moment.path.lower().startswith(_LINKED) and "@" not in moment.path
        return moment.path + at if is_linked else None
    path = Path(moment.path).absolute()
    if not path.is_file():
        return None
    return quote(Path(os.path.relpath(path, folder)).as_posix()) + at


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
