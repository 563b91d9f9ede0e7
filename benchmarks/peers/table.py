"""From times to rows, and rows as Markdown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..bench.percentiles import percentile
from .interleave import Track
from .roster import Peer

# A whole core's share that a waiting worker may use before the table says so.
_QUIET = 0.05


@dataclass(frozen=True, kw_only=True)
class Row:
    """One peer.

    Attributes:
        name: of the peer.
        title: what it is.
        decisions: how many were timed.
        windows_per_s: those over the time that they took.
        p50_ms: of a decision; as the others None if there are too few.
        p90_ms: from 100 decisions on.
        p99_ms: from 1,000 decisions on.
        rss_mib: resident memory at the end, with the decoded frames.
        load_s: from the start of the script until it could decide.
        precision: in which it computes, as it says.
        ratio: how many times as long as the base a decision takes: of each round's medians, the
            median of all rounds; None if the base was not measured.
        ratio_low: the first quartile of the rounds.
        ratio_high: the third.
        idle: the share of a core that it used while others had their turn; None if unknown.
        versions: of what it runs on.
        failed: why it was not measured; empty if it was.
    """

    name: str
    title: str
    decisions: int = 0
    windows_per_s: float = math.nan
    p50_ms: float | None = None
    p90_ms: float | None = None
    p99_ms: float | None = None
    rss_mib: float = math.nan
    load_s: float = math.nan
    precision: str = ""
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    idle: float | None = None
    versions: Mapping[str, str] | None = None
    failed: str = ""


def make_rows(peers: Sequence[Peer], tracks: Mapping[str, Track], base: str) -> list[Row]:
    """Return a row for each peer, in their order.

    Args:
        peers: who was to be measured.
        tracks: what was measured, by name.
        base: the peer that ratios are to.
    """
    compared = tracks.get(base)
    if compared is not None and (compared.failed or not compared.rounds_ms):
        compared = None
    return [_row(peer, tracks[peer.name], compared) for peer in peers]


def _row(peer: Peer, track: Track, base: Track | None) -> Row:
    if track.failed or not track.rounds_ms:
        return Row(name=peer.name, title=peer.title, failed=track.failed or "It had no turn.")
    samples = sorted(ms for taken in track.rounds_ms for ms in taken)
    ratios = _ratios(track, base) if base else None
    return Row(
        name=peer.name,
        title=peer.title,
        decisions=len(samples),
        windows_per_s=1000 * len(samples) / sum(samples),
        p50_ms=percentile(samples, 50),
        p90_ms=percentile(samples, 90),
        p99_ms=percentile(samples, 99),
        rss_mib=track.rss_mib,
        load_s=float(track.ready.get("load_s", math.nan)),
        precision=str(track.ready.get("precision", "")),
        ratio=ratios and ratios[1],
        ratio_low=ratios and ratios[0],
        ratio_high=ratios and ratios[2],
        idle=track.idle,
        versions=dict(track.ready.get("versions") or {}),
    )


def _ratios(track: Track, base: Track) -> tuple[float, float, float]:
    """Return the quartiles of the rounds' ratios: a busy moment meets both within a round."""
    pairs = zip(track.rounds_ms, base.rounds_ms, strict=True)
    found = [float(np.median(taken) / np.median(of_base)) for taken, of_base in pairs]
    low, middle, high = (float(np.percentile(found, rank)) for rank in (25, 50, 75))
    return low, middle, high


def markdown(rows: Sequence[Row]) -> str:
    """Return the table, and below it who was not measured and why."""
    lines = [
        "| | precision | windows/s | ms a decision: p50 / p90 / p99 | decisions "
        "| RSS, MiB | load, s "
        "| times as long as stzsar streaming (quartiles of the rounds) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.failed:
            continue
        times = " / ".join(_number(ms) for ms in (row.p50_ms, row.p90_ms, row.p99_ms))
        lines.append(
            f"| {row.title} | {row.precision} | {_number(row.windows_per_s)} | {times} "
            f"| {row.decisions} | {row.rss_mib:.0f} | {row.load_s:.1f} | {_ratio(row)} |"
        )
    lines += ["", *(f"Not measured: {r.title} ({r.name}): {r.failed}" for r in rows if r.failed)]
    lines += [
        f"Not to be trusted: {row.name} used {row.idle:.0%} of a core while others had their turn."
        for row in rows
        if row.idle is not None and row.idle > _QUIET
    ]
    return "\n".join(lines).rstrip()


def _ratio(row: Row) -> str:
    if row.ratio is None or row.ratio_low is None or row.ratio_high is None:
        return "–"
    return f"{_number(row.ratio)} ({_number(row.ratio_low)}–{_number(row.ratio_high)})"


def _number(value: float | None) -> str:
    """Return three digits of a number; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}"
