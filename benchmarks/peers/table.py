"""From times to results, and results as Markdown and as a picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..bench.percentiles import percentile
from ..tools.plotting import new_figure, save
from ..tools.tables import DASH, markdown, number
from .interleave import Track
from .roster import Peer

# The table names a waiting worker that uses more than this share of a core.
_QUIET = 0.05
_OWN, _OTHER = "#0b7a75", "#9aa5b1"
_ROW_INCHES, _WIDTH_INCHES = 0.55, 9.0


@dataclass(frozen=True, kw_only=True)
class PeerResult:
    name: str
    title: str
    decisions: int = 0  # how many were timed
    windows_per_s: float | None = None  # decisions over the time that they took
    p50_ms: float | None = None  # of a decision; p90 needs 100 of them, p99 1,000
    p90_ms: float | None = None
    p99_ms: float | None = None
    rss_mib: float | None = None  # resident memory at the end, with the decoded frames
    load_s: float | None = None  # from the start of the script until it could decide
    precision: str = ""  # in which it computes, by its own account
    # Time of a decision over the base's, with quartiles: the ratio of the medians of each round,
    # over the rounds; None if the base was not measured
    ratio: float | None = None
    ratio_quartiles: tuple[float, float] | None = None
    idle: float | None = None  # share of a core that it used while others had their turn
    versions: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""  # why it was not measured; empty if it was


def make_results(peers: Sequence[Peer], tracks: Mapping[str, Track], base: str) -> list[PeerResult]:
    """Return a result for each peer, with ratios to the peer `base`."""
    compared = tracks.get(base)
    if compared and (compared.failed or not compared.rounds_ms):
        compared = None
    return [_result(peer, tracks[peer.name], compared) for peer in peers]


def _result(peer: Peer, track: Track, base: Track | None) -> PeerResult:
    if track.failed or not track.rounds_ms:
        return PeerResult(
            name=peer.name, title=peer.title, failed=track.failed or "It had no turn."
        )
    samples = [ms for round_ms in track.rounds_ms for ms in round_ms]
    ratio, quartiles = None, None
    if base:  # within a round, so that noise meets both
        pairs = zip(track.rounds_ms, base.rounds_ms, strict=True)
        ratios = [float(np.median(own) / np.median(of_base)) for own, of_base in pairs]
        low, ratio, high = np.percentile(ratios, (25, 50, 75)).tolist()
        quartiles = low, high
    return PeerResult(
        name=peer.name,
        title=peer.title,
        decisions=len(samples),
        windows_per_s=1000 * len(samples) / sum(samples),
        p50_ms=percentile(samples, 50),
        p90_ms=percentile(samples, 90),
        p99_ms=percentile(samples, 99),
        rss_mib=track.rss_mib,
        load_s=track.ready.get("load_s"),
        precision=str(track.ready.get("precision", "")),
        ratio=ratio,
        ratio_quartiles=quartiles,
        idle=track.idle,
        versions=track.ready.get("versions") or {},
    )


def markdown_table(results: Sequence[PeerResult]) -> str:
    """Return the table, then who was not measured and who was not idle."""
    columns = ("", "precision", "windows/s", "ms per decision: p50 / p90 / p99", "decisions",
               "RSS, MiB", "load, s", "× stzsar streaming (quartiles of the rounds)")  # fmt: skip
    rows = (
        (
            result.title,
            result.precision,
            number(result.windows_per_s),
            " / ".join(number(ms) for ms in (result.p50_ms, result.p90_ms, result.p99_ms)),
            result.decisions,
            number(result.rss_mib),
            number(result.load_s),
            _ratio(result),
        )
        for result in results
        if not result.failed
    )
    lines = [f"Not measured: {r.title} ({r.name}): {r.failed}" for r in results if r.failed]
    lines += [
        f"Do not trust {r.name}: it used {r.idle:.0%} of a core while others had their turn."
        for r in results
        if r.idle and r.idle > _QUIET
    ]
    return "\n\n".join([markdown(columns, rows), *(["\n".join(lines)] if lines else [])])


def _ratio(result: PeerResult) -> str:
    if result.ratio_quartiles is None:
        return DASH
    low, high = result.ratio_quartiles
    return f"{number(result.ratio)} ({number(low)}–{number(high)})"


def draw(results: Sequence[PeerResult], path: Path, caption: str) -> None:
    """Draw the results that were measured, fastest on top, with a caption below."""
    shown = sorted(
        (row for row in results if not row.failed), key=lambda row: row.windows_per_s or 0
    )
    figure = new_figure(_WIDTH_INCHES, 1.3 + _ROW_INCHES * len(shown))
    axes = figure.add_subplot()
    bars = axes.barh(
        [row.title for row in shown],
        [row.windows_per_s for row in shown],
        color=[_OWN if row.name.startswith("stzsar") else _OTHER for row in shown],
    )
    axes.bar_label(bars, labels=[_bar_text(row) for row in shown], padding=4)
    axes.set_xlabel("decisions per second")
    axes.margins(x=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    note = "In brackets: time of a decision over that of streaming."
    figure.supxlabel(f"{note}\n{caption}", fontsize="small", color="#52606d")
    save(figure, path)


def _bar_text(row: PeerResult) -> str:
    rate = f"{row.windows_per_s:.3g}"
    return rate if row.ratio is None or row.ratio == 1 else f"{rate}  ({row.ratio:.3g} ×)"
