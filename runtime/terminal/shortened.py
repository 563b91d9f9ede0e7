"""Texts cut to a number of terminal cells, with an ellipsis where something is left out."""

from rich.cells import cell_len, set_cell_size


def shortened(text: str, cells: int) -> str:
    """Return `text` in at most `cells` cells: its middle is left out, as ends tell most."""
    if cell_len(text) <= cells:
        return text
    if cells <= 1:
        return "…"[:cells]
    tail_cells = (cells - 1) // 2
    head = set_cell_size(text, cells - 1 - tail_cells).rstrip()
    # The end is cut from its own end, so that wide letters are not halved.
    tail = set_cell_size(text[::-1], tail_cells)[::-1].lstrip()
    return f"{head}…{tail}"


def padded(text: str, cells: int) -> str:
    """Return `text` in exactly `cells` cells."""
    return set_cell_size(shortened(text, cells), cells)
