"""Moments as JSON lines, CSV or Parquet."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ... import atomic
from ...errors import StzsarError
from .moments import Moment

Format = Literal["table", "jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("table", "jsonl", "csv", "parquet")
_PLAIN: tuple[str, ...] = (
    "stream", "video", "path", "label", "start_s", "end_s", "peak_s", "peak", "similarity", "rank",
    "start_clock", "end_clock", "peak_clock",
)  # fmt: skip
_NUMBERS = frozenset(_PLAIN[4:])


def form_of(output: Path | None, form: Format | None) -> Format:
    """Return the format that was chosen, or that the ending of a file names; else a table.

    Raises:
        StzsarError: a file's ending names none, or the format does not fit where it goes.
    """
    if output is None:
        if form == "parquet":
            raise StzsarError("Parquet is no text: name a file with --output moments.parquet.")
        return form or "table"
    if form == "table":
        raise StzsarError("A table is for the terminal: leave --format or --output out.")
    ending = output.suffix[1:].lower()
    found: Format | None = form or next((one for one in FORMATS[1:] if one == ending), None)
    if found is None:
        raise StzsarError(
            f"The ending of {output} names no format: end it in .jsonl, .csv or .parquet, or give "
            "--format."
        )
    return found


def write_moments(moments: Sequence[Moment], output: Path, form: Format) -> None:
    """Write moments into a file, whole or not at all.

    Raises:
        OSError: it cannot be written.
        StzsarError: Parquet needs a package that is not there.
    """
    data = _parquet(moments) if form == "parquet" else text_of(moments, form)
    output.parent.mkdir(parents=True, exist_ok=True)
    atomic.write_file(output, data)


def text_of(moments: Sequence[Moment], form: Format) -> str:
    """Return moments as JSON lines or CSV, which leaves the windows out."""
    if form == "csv":
        text = io.StringIO()
        table = csv.DictWriter(text, _PLAIN, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows([_row(moment) for moment in moments])
        return text.getvalue()
    lines = (json.dumps(_row(one), ensure_ascii=False, allow_nan=False) for one in moments)
    return "".join(f"{line}\n" for line in lines)


def _row(moment: Moment) -> dict[str, Any]:
    plain = {name: getattr(moment, name) for name in _PLAIN}
    return {**plain, "windows": [list(pair) for pair in moment.windows]}


def _parquet(moments: Sequence[Moment]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise StzsarError(
            "Parquet needs the package pyarrow: run pip install '.[archive]' in stzsar's folder, "
            "or write .csv or .jsonl."
        ) from error

    real = pyarrow.float64()
    schema = pyarrow.schema(
        [
            *((name, real if name in _NUMBERS else pyarrow.string()) for name in _PLAIN),
            ("windows", pyarrow.list_(pyarrow.list_(real))),
        ]
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([*map(_row, moments)], schema), sink)
    return sink.getvalue().to_pybytes()
