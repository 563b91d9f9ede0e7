"""Pictures of results: checked before a long run, drawn without a display, written whole."""

import io
from pathlib import Path
from typing import Any

from ...runtime.atomic import write_file
from ...runtime.errors import StzsarError
from ...runtime.terminal.outputs import check_writable

SUFFIXES = (".png", ".svg", ".pdf")


def check_plot(path: Path | None) -> None:
    """Refuse a picture that could not be drawn after a long run."""
    if path is None:
        return
    if path.suffix.lower() not in SUFFIXES:
        raise StzsarError(
            f"--plot {path} has no suffix of a picture: end it in {', '.join(SUFFIXES)}."
        )
    try:
        import matplotlib  # noqa: F401 (only whether it is installed)
    except ImportError as error:
        raise StzsarError(
            "--plot needs matplotlib: run pip install '.[cpu,bench]' in stzsar's folder."
        ) from error
    check_writable(path)


def new_figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write the picture in the format of its suffix."""
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:].lower(), dpi=130)
    write_file(path, picture.getvalue())
