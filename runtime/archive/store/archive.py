"""An archive that is written: its tables, and the commit of a stretch."""

import contextlib
import dataclasses
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...bundle.manifest import Manifest
from ...errors import StzsarError
from ...recordings.recorder import identity_of
from .columns import bundle_id
from .hashes import hash_rows
from .opening import check_format, connect, counting, quoted
from .schema import (
    FORMAT,
    Sampling,
    Stretch,
    Video,
    bundles_schema,
    stills_schema,
    stretches_schema,
    videos_schema,
)

if TYPE_CHECKING:
    import pyarrow as pa

# Each commit writes a list of all files of its table. So the small ones are joined now and then, up
# to so many rows, and lists older than any reader are removed: commit 100,000 costs what 100 does.
_TIDY_EVERY = 64
_TIDY_ROWS = {"frames": 131_072, "stretches": 8192, "videos": 8192}
_READERS_LAST = timedelta(hours=1)


class Archive:
    """The tables of an archive, to write.

    Attributes:
        place: its folder, or its address in an object store.
    """

    def __init__(self, place: str | Path, *, storage: Mapping[str, str] | None = None) -> None:
        """Open an archive, or begin one.

        Args:
            place: its folder, or its address in an object store, such as s3://bucket/cameras.
            storage: of an object store, as lancedb takes it; its environment variables count too.

        Raises:
            StzsarError: lancedb is missing, the place cannot be written, or a newer stzsar did.
        """
        # Of two writers that join the same files one gives way: nobody need hear of it.
        os.environ.setdefault("LANCE_LOG", "error")
        self.place = str(place)
        if "://" not in self.place and Path(self.place).exists() and not _is_folder(self.place):
            raise StzsarError(
                f"{self.place} is a file or a folder of something else: name a new folder, or that "
                "of an archive."
            )
        with self.told():
            # Other processes write here too: look for their rows each time.
            self._database = connect(self.place, storage, fresh=True)
            self._tables: dict[str, Any] = {}
            self._commits = 0
            # Before any table is opened: a newer format may have other columns.
            if "bundles" in self._database.list_tables().tables:
                self._tables["bundles"] = self._database.open_table("bundles")
                known = self._rows("bundles", columns=["format"])
            else:
                known = []
        check_format(self.place, known)
        with self.told():
            for name, schema in (
                ("bundles", bundles_schema()),
                ("videos", videos_schema()),
                ("stretches", stretches_schema()),
                ("stills", stills_schema()),
            ):
                self._tables[name] = self._database.create_table(name, schema=schema, exist_ok=True)

    def use(self, manifest: Manifest, sampling: Sampling, dim: int) -> str:
        """Say which bundle encodes, and how it samples; return the bundle's id.

        Raises:
            StzsarError: the archive has frames of that bundle that are sampled in another way.
        """
        own, identity = bundle_id(manifest), identity_of(manifest)
        row = {
            "bundle": own,
            "format": FORMAT,
            "name": manifest.name,
            "frame_graph": identity.frame,
            "window_graph": identity.window,
            "frames": manifest.sampling.frames,
            "dim": dim,
            **dataclasses.asdict(sampling),
        }
        with self.told():
            self._insert("bundles", "bundle", [row])
            there = next(one for one in self._rows("bundles") if one["bundle"] == own)
        for name, option in (
            ("rate_fps", "--rate"), ("stretch_s", "--stretch"), ("patches", "--patches")
        ):  # fmt: skip
            if there[name] != row[name]:
                raise StzsarError(
                    f"The archive {self.place} was begun with {option} {there[name]:g}, not "
                    f"{row[name]:g}: give that, or begin another archive."
                )
        return own

    def sampling(self, manifest: Manifest) -> Sampling | None:
        """Return how the frames of a bundle are sampled here; None if it has none yet."""
        own = bundle_id(manifest)
        with self.told():
            for row in self._rows("bundles"):
                if row["bundle"] == own:
                    names = [field.name for field in dataclasses.fields(Sampling)]
                    return Sampling(**{name: row[name] for name in names})
        return None

    def committed(self, video: str) -> frozenset[str]:
        """Return the names of the committed stretches of a video."""
        with self.told():
            rows = self._rows("stretches", f"video = {quoted(video)}", ["stretch"])
        return frozenset(row["stretch"] for row in rows)

    def put(self, stretch: Stretch, rows: "pa.Table", error: str = "") -> bool:
        """Write a stretch whole; return False if another writer has committed it meanwhile.

        Args:
            stretch: what it is.
            rows: its frames, of `frames_schema`, in their order; `attempt` may hold anything.
            error: what was wrong with them, if anything.

        Raises:
            StzsarError: the archive cannot be written.
        """
        attempt = uuid.uuid4().hex
        at = rows.schema.get_field_index("attempt")
        rows = rows.set_column(at, rows.schema.field(at), [[attempt] * rows.num_rows])
        times = rows["time_s"].to_pylist()
        row = {
            **dataclasses.asdict(stretch),
            "attempt": attempt,
            "first_s": times[0],
            "last_s": times[-1],
            "rows": rows.num_rows,
            "hash": hash_rows(rows),
            "written": time.time(),
            "state": "broken" if error else "whole",
            "error": error,
        }
        with self.told():
            self._frames(rows.schema).add(rows)
            self._insert("stretches", "stretch", [row])
            is_ours = self._settle(stretch.stretch, attempt)
        self._commits += 1
        if self._commits % _TIDY_EVERY == 0:
            self._tidy()
        return is_ours

    def take_back(self, stretches: Sequence[str]) -> None:
        """Remove stretches that were committed too soon, with their frames."""
        if not stretches:
            return
        with self.told():
            frames = self._database.open_table("frames")
            for stretch in stretches:
                same = f"stretch = {quoted(stretch)}"
                self._tables["stretches"].delete(same)
                frames.delete(same)

    def put_video(self, video: Video) -> None:
        """Write or renew the row of a video."""
        import pyarrow as pa

        table = pa.Table.from_pylist([dataclasses.asdict(video)], videos_schema())
        with self.told():
            merge = self._tables["videos"].merge_insert("video")
            merge.when_matched_update_all().when_not_matched_insert_all().execute(table)

    def put_stills(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add small pictures, rows of `stills_schema`."""
        import pyarrow as pa

        if rows:
            with self.told():
                self._tables["stills"].add(pa.Table.from_pylist(list(rows), stills_schema()))

    def videos(self) -> list[Video]:
        """Return the rows of all videos."""
        names = [field.name for field in dataclasses.fields(Video)]
        with self.told():
            return [Video(**{name: row[name] for name in names}) for row in self._rows("videos")]

    def rows_of(self, video: str) -> "pa.Table":
        """Return the committed frames of a video, in their order."""
        from pyarrow import compute

        with self.told():
            where = f"video = {quoted(video)}"
            names = ["stretch", "bundle", "attempt"]
            stretches = counting(self._rows("stretches", where, names))
            table = self._database.open_table("frames").search().where(where).limit(None).to_arrow()
        attempts = [row["attempt"] for row in stretches]
        return table.filter(compute.field("attempt").isin(attempts)).sort_by("frame")

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Turn what a table cannot do into one sentence; lancedb has no base for its errors."""
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split()).rstrip(".")
            if "No space left" in why or "os error 28" in why:
                raise StzsarError(
                    f"The disk of the archive {self.place} is full: make room and run the same "
                    "command again; what is committed is kept."
                ) from error
            raise StzsarError(f"The archive {self.place} cannot be used: {why:.300}.") from error

    def _frames(self, schema: "pa.Schema") -> Any:
        if "frames" not in self._tables:
            self._tables["frames"] = self._database.create_table(
                "frames", schema=schema, exist_ok=True
            )
        return self._tables["frames"]

    def _rows(
        self, name: str, where: str | None = None, columns: list[str] | None = None
    ) -> list[dict[str, Any]]:
        asked = self._tables[name].search().limit(None)
        if where:
            asked = asked.where(where)
        if columns:
            asked = asked.select(columns)
        return asked.to_arrow().to_pylist()

    def _insert(self, name: str, key: str, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        table = pa.Table.from_pylist(rows, self._tables[name].schema)
        self._tables[name].merge_insert(key).when_not_matched_insert_all().execute(table)

    def _tidy(self) -> None:
        for name, rows in _TIDY_ROWS.items():
            # Another writer may be at the same files: then it, or the next time, joins them.
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                dataset = self._tables[name].to_lance()
                dataset.optimize.compact_files(target_rows_per_fragment=rows, num_threads=1)
                dataset.cleanup_old_versions(older_than=_READERS_LAST)

    def _settle(self, stretch: str, attempt: str) -> bool:
        """Leave one attempt of a stretch, the same whoever looks; return whether it is ours.

        Two writers may have found no row at the same moment, and then both have put one.
        """
        where = f"stretch = {quoted(stretch)}"
        attempts = sorted(row["attempt"] for row in self._rows("stretches", where, ["attempt"]))
        lost = [one for one in {*attempts, attempt} if one != attempts[0]]
        for one in lost:
            same = f"attempt = {quoted(one)}"
            self._tables["stretches"].delete(same)
            self._tables["frames"].delete(same)
        return attempts[0] == attempt


def _is_folder(place: str) -> bool:
    """Say whether a folder is empty or has tables."""
    path = Path(place)
    return path.is_dir() and (not any(path.iterdir()) or any(path.glob("*.lance")))
