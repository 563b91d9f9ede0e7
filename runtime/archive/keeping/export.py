"""An archive for other programs: Parquet files, or tar shards as WebDataset reads them."""

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ... import atomic
from ...errors import StzsarError
from ..store.opening import counting
from .tables import Name, Tables
from .wanted import Wanted, check_streams

if TYPE_CHECKING:
    import pyarrow

Format = Literal["parquet", "webdataset"]
FORMATS: tuple[Format, ...] = ("parquet", "webdataset")
# Beside the frames: small enough to be read whole.
_SMALL: tuple[Name, ...] = ("stretches", "videos", "bundles")
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What is exported, and how.

    Attributes:
        output: a folder, new or empty.
        format: of its files.
        wanted: which rows.
        shard_bytes: a file is closed once it has so much.
    """

    output: Path
    format: Format = "parquet"
    wanted: Wanted = field(default_factory=Wanted)
    shard_bytes: int = 1024 * MIB

    def __post_init__(self) -> None:
        """Refuse a folder that has something.

        Raises:
            StzsarError: it has.
        """
        if self.output.exists() and (not self.output.is_dir() or any(self.output.iterdir())):
            raise StzsarError(f"{self.output} is not an empty folder: name a new one.")


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was exported.

    Attributes:
        frames: rows of frames.
        files: how many.
    """

    frames: int
    files: int


def export(tables: Tables, options: ExportOptions) -> Exported:
    """Write committed rows into files; each is there whole or not at all.

    Parquet has `frames-00000.parquet` and so on beside the other tables. WebDataset has a sample
    for each stretch: its facts as JSON, and an array for each column, rows in order.

    Raises:
        StzsarError: there is no such stream.
        OSError: a file cannot be written.
    """
    check_streams(tables, options.wanted.streams)
    options.output.mkdir(parents=True, exist_ok=True)
    if options.format == "parquet":
        return _export_parquet(tables, options)
    return _export_webdataset(tables, options)


def _export_parquet(tables: Tables, options: ExportOptions) -> Exported:
    import pyarrow
    import pyarrow.parquet

    files = frames = 0
    writer, part = None, options.output / ".frames"
    kept = _committed(tables)
    for piece in tables.pieces("frames", where=options.wanted.where()):
        rows = _of(piece, kept)
        if not rows.num_rows:
            continue
        writer = writer or pyarrow.parquet.ParquetWriter(part, rows.schema, compression="zstd")
        writer.write_table(rows)
        frames += rows.num_rows
        if part.stat().st_size >= options.shard_bytes:
            writer.close()
            atomic.land_file(part, options.output / f"frames-{files:05d}.parquet")
            writer, files = None, files + 1
    if writer is not None:
        writer.close()
        atomic.land_file(part, options.output / f"frames-{files:05d}.parquet")
        files += 1
    for name in _SMALL:
        where = None if name == "bundles" else options.wanted.where(timed=False)
        found = list(tables.pieces(name, where=where))
        if found:
            pyarrow.parquet.write_table(pyarrow.Table.from_batches(found), part)
            atomic.land_file(part, options.output / f"{name}.parquet")
            files += 1
    return Exported(frames=frames, files=files)


def _export_webdataset(tables: Tables, options: ExportOptions) -> Exported:
    files = frames = 0
    part = options.output / ".shard"
    shard = None
    for row, rows in _stretches(tables, options.wanted):
        shard = shard or tarfile.open(part, "w")  # noqa: SIM115
        for name, content in _sample(row, rows):
            info = tarfile.TarInfo(f"{row['stretch']}.{name}")
            info.size, info.mtime = len(content), int(row["written"])
            shard.addfile(info, io.BytesIO(content))
        frames += rows.num_rows
        if part.stat().st_size >= options.shard_bytes:
            files = _land_shard(shard, part, options.output, files)
            shard = None
    if shard is not None:
        files = _land_shard(shard, part, options.output, files)
    return Exported(frames=frames, files=files)


def _land_shard(shard: tarfile.TarFile, part: Path, folder: Path, number: int) -> int:
    shard.close()
    atomic.land_file(part, folder / f"stretches-{number:06d}.tar")
    return number + 1


def _stretches(tables: Tables, wanted: Wanted) -> "Iterator[tuple[dict[str, Any], pyarrow.Table]]":
    """Yield each stretch with its rows in order; `frames` is read once.

    A stretch is whole when all its rows came. One that a time cuts through comes at the end.
    """
    import pyarrow
    import pyarrow.compute

    known = _committed(tables)
    waiting: dict[str, list[Any]] = {}
    counts: dict[str, int] = {}
    for piece in tables.pieces("frames", where=wanted.where()):
        table = pyarrow.Table.from_batches([piece])
        for attempt in dict.fromkeys(piece["attempt"].to_pylist()):
            if attempt not in known:
                continue
            rows = table.filter(pyarrow.compute.field("attempt") == attempt)
            waiting.setdefault(attempt, []).append(rows)
            counts[attempt] = counts.get(attempt, 0) + rows.num_rows
            if counts[attempt] == known[attempt]["rows"]:
                yield known[attempt], pyarrow.concat_tables(waiting.pop(attempt)).sort_by("frame")
    for attempt, parts in waiting.items():
        yield known[attempt], pyarrow.concat_tables(parts).sort_by("frame")


def _sample(row: dict[str, Any], rows: "pyarrow.Table") -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of a stretch's members."""
    import pyarrow

    facts = {name: row[name] for name in ("stretch", "video", "stream", "bundle")}
    yield "json", json.dumps({**facts, "rows": rows.num_rows}, ensure_ascii=False).encode()
    for name in rows.column_names:
        column: Any = rows[name].combine_chunks()
        if pyarrow.types.is_fixed_size_list(column.type):
            array = column.flatten().to_numpy(zero_copy_only=False).reshape(rows.num_rows, -1)
        elif pyarrow.types.is_string(column.type):
            continue
        else:
            array = column.to_numpy(zero_copy_only=False)
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        yield f"{name}.npy", content.getvalue()


def _committed(tables: Tables) -> dict[str, dict[str, Any]]:
    return {row["attempt"]: row for row in counting(tables.rows("stretches"))}


def _of(piece: "pyarrow.RecordBatch", kept: dict[str, Any]) -> "pyarrow.Table":
    import pyarrow

    is_kept = pyarrow.array([attempt in kept for attempt in piece["attempt"].to_pylist()])
    return pyarrow.Table.from_batches([piece]).filter(is_kept)
