"""Events as CSV, JSON or Parquet."""

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from .. import atomic
from ..errors import StzsarError
from .questions import FindOptions, find
from .record import StoredEvent

Format = Literal["csv", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "json", "parquet")
_PLAIN = [one.name for one in dataclasses.fields(StoredEvent) if one.name != "scores"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions(FindOptions):
    """Where events go.

    Attributes:
        output: the file; its ending says the format. None is stdout.
        format: the format, where the ending does not say it.
    """

    output: Path | None = None
    format: Format | None = None

    def __post_init__(self) -> None:
        """Refuse what says no format.

        Raises:
            StzsarError: neither the option nor the file's ending names one, or it needs a file.
        """
        if self.form == "parquet" and self.output is None:
            raise StzsarError("Parquet is no text: name a file with --output events.parquet.")

    @property
    def form(self) -> Format:
        """The format.

        Raises:
            StzsarError: nothing names one.
        """
        if self.format:
            return self.format
        ending = self.output.suffix[1:].lower() if self.output else "csv"
        form: Format | None = next((form for form in FORMATS if form == ending), None)
        if form is None:
            raise StzsarError(
                f"The ending of {self.output} names no format: end it in .csv, .json or .parquet, "
                "or give --format."
            )
        return form


def export(options: ExportOptions) -> int:
    """Write events; return how many.

    CSV leaves the scores over time out.

    Raises:
        StzsarError: there is no store, or Parquet needs a package that is not there.
        OSError: the file cannot be written.
    """
    events = find(options)
    data = exported(events, options.form)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_file(options.output, data)
    else:
        assert isinstance(data, str)
        click.echo(data, nl=False)
    return len(events)


def exported(events: Sequence[StoredEvent], form: Format) -> bytes | str:
    """Return events in a form.

    Raises:
        StzsarError: Parquet needs a package that is not there.
    """
    if form == "parquet":
        return _parquet(events)
    return _csv(events) if form == "csv" else _json(events)


def _rows(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    return [{**{name: getattr(event, name) for name in _PLAIN}, "duration_s": event.duration_s,
             "scores": [list(pair) for pair in event.scores]} for event in events]  # fmt: skip


def _csv(events: Sequence[StoredEvent]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(
        text, [*_PLAIN, "duration_s"], extrasaction="ignore", lineterminator="\n"
    )
    table.writeheader()
    table.writerows(_rows(events))
    return text.getvalue()


def _json(events: Sequence[StoredEvent]) -> str:
    return json.dumps(_rows(events), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def _parquet(events: Sequence[StoredEvent]) -> bytes:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise StzsarError(
            "Parquet needs the package pyarrow: run pip install '.[events]' in stzsar's folder, or "
            "export to .csv or .json."
        ) from error

    text, real, whole = pyarrow.string(), pyarrow.float64(), pyarrow.int64()
    kinds = {"id": whole, "left_out": whole, "kept": pyarrow.bool_()}
    kinds |= dict.fromkeys(("start_s", "end_s", "time", "recorded", "peak", "duration_s"), real)
    kinds["scores"] = pyarrow.list_(pyarrow.list_(real))
    schema = pyarrow.schema(
        [(name, kinds.get(name, text)) for name in [*_PLAIN, "duration_s", "scores"]]
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(_rows(events), schema), sink)
    return sink.getvalue().to_pybytes()
