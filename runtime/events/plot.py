"""Counts of events as a picture."""

import io
from collections.abc import Mapping
from pathlib import Path

from .. import atomic
from ..errors import StzsarError

_MOST_BARS = 30


def plot_counts(counts: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Write bars of each count into a PNG, the most frequent on top.

    Raises:
        StzsarError: matplotlib is not there, or the file's name does not end in .png.
        OSError: the file cannot be written.
    """
    if path.suffix.lower() != ".png":
        raise StzsarError(f"Cannot draw {path}: give it a name that ends in .png.")
    try:
        from matplotlib.figure import Figure  # not pyplot, which wants a display
    except ImportError as error:
        raise StzsarError(
            "A picture needs the package matplotlib: run pip install '.[events]' in stzsar's "
            "folder, or leave --plot out."
        ) from error

    rows = [min(_MOST_BARS, max(1, len(count))) for count in counts.values()]
    figure = Figure(figsize=(8, 1.0 * len(rows) + 0.25 * sum(rows)), layout="constrained")
    every = figure.subplots(len(rows), squeeze=False, gridspec_kw={"height_ratios": rows})
    for axes, (what, count) in zip(every[:, 0], counts.items(), strict=True):
        bars = sorted(count.items(), key=lambda one: -one[1])[:_MOST_BARS]
        bars = sorted(bars) if what == "hour" else bars
        names = [str(name).replace("$", r"\$") for name, _ in bars]
        axes.barh(names[::-1], [number for _, number in bars][::-1], color="#2076a8")
        axes.set_title(f"events per {what}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=120)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_file(path, data.getvalue())
