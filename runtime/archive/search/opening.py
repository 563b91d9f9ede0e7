"""Opens an archive for a search: its tables, and the bundle whose frames are searched."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from ...bundle.bundle import RUNS, Bundle, bundles_below, read_manifest, shipped_bundle
from ...bundle.manifest import PATCH_EMBEDDINGS, SamplingSpec
from ...errors import BundleError, StzsarError
from ..store.columns import bundle_id, columns_of, embedding_name
from ..store.opening import check_format, connect
from .reading import Condition, Snapshot


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An archive with the bundle whose frames are searched.

    Attributes:
        tables: gives a table by its name.
        bundle: the bundle.
        id: what the archive calls it.
        sampling: frames of a window, and how many are looked at a second.
        dim: of the embedding.
    """

    tables: Any
    bundle: Bundle
    id: str
    sampling: SamplingSpec
    dim: int

    @property
    def embedding_name(self) -> str:
        """What the manifest calls the frame embedding."""
        return embedding_name(self.bundle.manifest)

    def snapshot(self, condition: Condition) -> Snapshot:
        """Return what is committed now."""
        columns = columns_of(self.bundle.manifest)
        shapes = {PATCH_EMBEDDINGS: (-1, self.dim)} if PATCH_EMBEDDINGS in columns else {}
        return Snapshot(self.tables, self.id, columns, shapes, condition)


def opened(archive: str | Path, bundle: Path | None, storage: dict[str, str]) -> Opened:
    """Open an archive.

    Args:
        archive: its folder, or its address in an object store.
        bundle: whose frames to search; None finds one that the archive has, of those under runs/
            and the shipped one.
        storage: of an object store, as lancedb takes it.

    Raises:
        StzsarError: there is no archive, it is empty, or it has no frames of the bundle.
    """
    tables = open_tables(archive, storage)
    known = {row["bundle"]: row for row in tables("bundles").search().limit(None).to_list()}
    if not known or not tables("stretches").count_rows():
        raise StzsarError(f"The archive {archive} is empty: index a video into it first.")
    found = _chosen(archive, bundle, known)
    row = known[(id_ := bundle_id(found.manifest))]
    sampling = SamplingSpec(frames=row["frames"], rate_fps=row["rate_fps"])
    return Opened(tables=tables, bundle=found, id=id_, sampling=sampling, dim=row["dim"])


def open_tables(archive: str | Path, storage: dict[str, str]) -> Any:
    """Return what gives a table of an archive by its name.

    Raises:
        StzsarError: lancedb is missing, there is no archive, or a newer stzsar wrote it.
    """
    place = str(archive)
    if "://" not in place and not Path(place).is_dir():
        raise StzsarError(
            f"There is no archive {place}: name the folder that stzsar-archive index wrote."
        )
    database = connect(place, storage)
    missing = {"frames", "stretches", "videos", "bundles"} - set(database.list_tables().tables)
    if missing:
        raise StzsarError(
            f"{place} is no archive, it lacks the table {min(missing)!r}: name the folder that "
            "stzsar-archive index wrote."
        )
    tables = partial(database.open_table)
    check_format(place, tables("bundles").search().select(["format"]).limit(None).to_list())
    return tables


def _chosen(archive: str | Path, bundle: Path | None, known: dict[str, Any]) -> Bundle:
    names = ", ".join(sorted({f"{row['name']!r:.80}" for row in known.values()}))
    if bundle is not None:
        named = Bundle.open(bundle)
        if bundle_id(named.manifest) not in known:
            raise StzsarError(
                f"The archive {archive} has no frames of the bundle {bundle}: it has those of "
                f"{names}."
            )
        return named
    for folder in _candidates():
        try:
            manifest = read_manifest(folder)
        except BundleError:
            continue
        if bundle_id(manifest) in known:
            # Nobody named it, so labels that it knows no word of are refused.
            return replace(Bundle.open(folder), is_fallback=folder == shipped_bundle())
    raise StzsarError(
        f"The archive {archive} has frames of {names}, which is neither under {RUNS}/ nor shipped: "
        "name its folder with --bundle."
    )


def _candidates() -> Iterator[Path]:
    yield from bundles_below(RUNS)
    yield shipped_bundle()
