"""Scores over time as a small SVG."""

from collections.abc import Callable, Sequence

# The drawing's own units; the page scales it.
WIDTH, HEIGHT = 560, 96
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 552, 8, 78


def draw_scores(
    scores: Sequence[tuple[float, float]], *, start_s: float, end_s: float, peak_s: float
) -> str:
    """Return an SVG of scores over time, with a moment's span and peak marked.

    Colours come from the page's classes, since its policy forbids styles in attributes.

    Args:
        scores: seconds of the source and the score there, 0 to 1.
        start_s: the moment's start.
        end_s: its end.
        peak_s: its best window.
    """
    points = sorted(scores) or [(peak_s, 0.0)]
    first_s, last_s = min(points[0][0], start_s), max(points[-1][0], end_s)
    scale = (_RIGHT - _LEFT) / max(last_s - first_s, 1e-3)

    def across(at_s: float) -> float:
        return _LEFT + (at_s - first_s) * scale

    def up(score: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * min(1.0, max(0.0, score))

    line = " ".join(f"{across(at_s):.1f},{up(score):.1f}" for at_s, score in points)
    area = f"{across(points[0][0]):.1f},{_BOTTOM} {line} {across(points[-1][0]):.1f},{_BOTTOM}"
    best_s, best = min(points, key=lambda point: (abs(point[0] - peak_s), -point[1]))
    left, right = across(start_s), across(end_s)
    parts = [
        f'<rect class="span" x="{left:.1f}" y="{_TOP}" width="{max(2.0, right - left):.1f}" '
        f'height="{_BOTTOM - _TOP}"/>',
        *(
            f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{up(at):.1f}" y2="{up(at):.1f}"/>'
            f'<text class="axis" x="{_LEFT - 5}" y="{up(at) + 3.5:.1f}" text-anchor="end">'
            f"{at:.0%}</text>"
            for at in (0.0, 0.5, 1.0)
        ),
        f'<polygon class="area" points="{area}"/>',
        f'<polyline class="line" points="{line}"/>',
        f'<circle class="peak" cx="{across(best_s):.1f}" cy="{up(best):.1f}" r="4"/>',
        *_times(first_s, last_s, across),
    ]
    said = f"Scores from {shown_s(first_s)} to {shown_s(last_s)}, the best at {shown_s(best_s)}"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{said}">'
        f"{''.join(parts)}</svg>"
    )


def shown_s(seconds: float) -> str:
    """Return a time in a video as people read it: `1:02:03.5`, `0:12.5`."""
    tenths = round(max(0.0, seconds) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02d}" + (f".{rest % 10}" if rest % 10 else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def _times(first_s: float, last_s: float, across: Callable[[float], float]) -> list[str]:
    ends = ((first_s, "start"), (last_s, "end"))
    return [
        f'<text class="axis" x="{across(at_s):.1f}" y="{HEIGHT - 4}" text-anchor="{anchor}">'
        f"{shown_s(at_s)}</text>"
        for at_s, anchor in ends
    ]
