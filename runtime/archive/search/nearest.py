"""The frames nearest to a vector, exactly or through an index; builds one, and says its recall."""

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from ..store.columns import EMBEDDING

# Below so many rows a scan answers in tens of milliseconds, and an index would only cost recall.
ROWS_WORTH_AN_INDEX = 100_000
# Rows in a list of the index, and how many lists a question looks into. What an index says of a
# distance is coarse (a bit for each dimension), so so many of the nearest rows are measured again.
_ROWS_IN_A_LIST, PROBES, _MEASURED_AGAIN = 4096, 64, 5000
_BUILD_TIMEOUT = timedelta(days=7)

Array = npt.NDArray[Any]


def nearest(
    frames: Any,
    query: Array,
    count: int,
    *,
    columns: tuple[str, ...],
    where: str | None = None,
    exact: bool = False,
) -> Any:
    """Return the rows whose embeddings have the highest cosines with a vector, the best first.

    Args:
        frames: the table, with or without an index.
        query: the vector, [D].
        count: how many rows at most.
        columns: what to return of each beside `_distance`, which is one minus the cosine.
        where: an SQL condition that rows fulfil.
        exact: leave an index aside.

    Returns:
        An Arrow table.
    """
    asked = frames.search(query, vector_column_name=EMBEDDING).distance_type("cosine")
    asked = asked.select([*columns, "_distance"]).limit(count)
    if where:
        asked = asked.where(where)
    if exact or not has_index(frames):
        return asked.bypass_vector_index().to_arrow()
    return asked.nprobes(PROBES).refine_factor(max(2, _MEASURED_AGAIN // count)).to_arrow()


def has_index(frames: Any) -> bool:
    """Whether the embeddings have an index."""
    return any(EMBEDDING in index.columns for index in frames.list_indices())


def build_index(frames: Any) -> None:
    """Build the index of the embeddings anew, and those of the columns that searches filter by."""
    from lancedb.index import BTree, IvfRq

    lists = max(1, frames.count_rows() // _ROWS_IN_A_LIST)
    config = IvfRq(distance_type="cosine", num_partitions=lists)
    frames.create_index(EMBEDDING, config=config, replace=True, wait_timeout=_BUILD_TIMEOUT)
    for column in ("video", "stream"):
        frames.create_index(column, config=BTree(), replace=True, wait_timeout=_BUILD_TIMEOUT)


def recall(frames: Any, *, count: int = 20, questions: int = 20) -> float | None:
    """Return the share of the nearest frames that the index finds; None without an index.

    Each question is the embedding of a stored frame with as much noise again, so that it has
    neighbours and is none of them.
    """
    rows = frames.count_rows()
    if not rows or not has_index(frames):
        return None
    rng = np.random.default_rng(0)
    places = rng.integers(0, rows, questions).tolist()
    stored = frames.take_offsets(places).select([EMBEDDING]).to_arrow()[EMBEDDING]
    shares: list[float] = []
    for row in stored.to_pylist():
        vector = np.asarray(row, np.float32)
        noise = rng.standard_normal(vector.shape)
        query = vector + noise * np.linalg.norm(vector) / np.linalg.norm(noise)
        near, true = (
            nearest(frames, query.astype(np.float32), count, columns=("video", "frame"), exact=how)
            for how in (False, True)
        )
        found = _places(near)
        shares.append(len(found & _places(true)) / max(1, len(true)))
    return float(np.mean(shares))


def _places(table: Any) -> set[tuple[str, int]]:
    return set(zip(table["video"].to_pylist(), table["frame"].to_pylist(), strict=True))
