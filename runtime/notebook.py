"""Tables with bars for notebooks, as HTML in which every text is escaped."""

from collections.abc import Iterable, Sequence
from html import escape

# A notebook shows no more of them.
SHOWN_LABELS = 20
# Both read well on the light and on the dark background of a notebook.
_DECIDED, _OTHER = "#1f77b4", "#8c959f"
_CELL = 'style="text-align:left"'


def table(
    title: str,
    rows: Sequence[Sequence[str]],
    *,
    head: Iterable[str] = (),
    most: int | None = None,
) -> str:
    """Return a table of `most` rows at most; cells are HTML already, the title is not."""
    shown = rows[:most]
    if len(rows) > len(shown):
        shown = [*shown, (f"and {len(rows) - len(shown)} more", *[""] * (len(rows[0]) - 1))]
    lines = [f"<tr>{''.join(f'<td {_CELL}>{cell}</td>' for cell in row)}</tr>" for row in shown]
    names = "".join(f"<th {_CELL}>{escape(name)}</th>" for name in head)
    top = f"<thead><tr>{names}</tr></thead>" if names else ""
    return (
        f"<table><caption {_CELL}>{escape(title)}</caption>{top}"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def labels_table(title: str, labels: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return a table of labels' names and attributes."""
    rows = [(text(name), text(", ".join(attributes))) for name, attributes in labels]
    return table(title, rows, head=("label", "attributes"), most=SHOWN_LABELS)


def text(words: str, *, strong: bool = False, faint: bool = False) -> str:
    """Return a text that a label file or a stream's name may have brought, as HTML."""
    if faint:
        return f'<span style="color:{_OTHER}">{escape(words)}</span>'
    return f"<b>{escape(words)}</b>" if strong else escape(words)


def bar(share: float, *, strong: bool = False) -> str:
    """Return a bar as long as a share of 0 to 1, with the share behind it."""
    width_px, colour = round(120 * share), _DECIDED if strong else _OTHER
    style = f"display:inline-block;height:0.8em;width:{width_px}px;background:{colour}"
    return f'<span style="{style}"></span> {share:.0%}'
