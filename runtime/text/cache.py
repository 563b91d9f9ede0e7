"""Embeddings of texts on disk, so that a second start embeds only what is new.

The key is a hash over the text encoder and the text: no encoder gets the numbers of another,
and no words of a user lie on disk. SQLite keeps several processes apart. A cache that is broken,
locked or not writable is as good as none: a run never fails for it.
"""

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..documents import MIB
from ..user_folders import cache_folder

if TYPE_CHECKING:
    import sqlite3

FILE = "embeddings-1.sqlite3"  # another number for other columns
MAX_BYTES = 256 * MIB  # 100,000 texts of a ViT-B-32
_LOCKED_S = 1.0
_AT_ONCE = 500
_DAY_S = 86_400
_TABLE = (
    "CREATE TABLE IF NOT EXISTS embeddings "
    "(key BLOB PRIMARY KEY, vector BLOB NOT NULL, cut BLOB, day INTEGER NOT NULL)"
)

T = TypeVar("T")
Array = npt.NDArray[Any]
# The unit embedding of a text, and the tokens that are left of one that is cut.
Embedded = tuple[Array, bytes | None]

log = logging.getLogger(__name__)


class EmbeddingCache:
    """The embeddings of one text encoder."""

    def __init__(self, encoder: Sequence[str], dim: int) -> None:
        """Open no file yet.

        Args:
            encoder: everything that the embedding of a text depends on, such as hashes of files.
            dim: length of an embedding.
        """
        self._encoder = "\0".join(encoder).encode()
        self._dim = dim

    def find(self, texts: Sequence[str]) -> dict[str, Embedded]:
        """Return what is known of `texts`."""
        return _in_database(lambda database: self._find(database, texts), write=False) or {}

    def keep(self, embedded: Mapping[str, Embedded]) -> None:
        """Add embeddings; of too many, those that were not used for longest go."""
        rows = [
            (self._key(text), vector.astype("<f4").tobytes(), cut, _today())
            for text, (vector, cut) in embedded.items()
        ]
        _in_database(lambda database: _insert(database, rows), write=True)

    def _find(self, database: "sqlite3.Connection", texts: Sequence[str]) -> dict[str, Embedded]:
        text_of = {self._key(text): text for text in texts}
        keys, today = list(text_of), _today()
        found: dict[str, Embedded] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            among = f"key IN ({','.join('?' * len(some))})"
            rows = database.execute(
                f"SELECT key, vector, cut, day FROM embeddings WHERE {among}", some
            ).fetchall()
            for key, vector, cut, _ in rows:
                embedding = self._embedding(vector)
                if embedding is not None:
                    found[text_of[key]] = embedding, cut
            # Once a day, so that a start usually writes nothing.
            if any(day != today for *_, day in rows):
                with contextlib.suppress(database.OperationalError), database:
                    database.execute(f"UPDATE embeddings SET day = ? WHERE {among}", [today, *some])
        return found

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(self._encoder + b"\0" + text.encode()).digest()

    def _embedding(self, stored: object) -> Array | None:
        """Return a stored embedding, or None for what is none."""
        if not isinstance(stored, bytes) or len(stored) != 4 * self._dim:
            return None
        vector = np.frombuffer(stored, "<f4").astype(np.float32)
        return vector if abs(float(np.linalg.norm(vector)) - 1) < 0.01 else None


def _in_database(use: Callable[["sqlite3.Connection"], T], *, write: bool) -> T | None:
    """Return what `use` does with the file, or None where there is none or it cannot be used."""
    try:
        import sqlite3
    except ImportError:  # a Python that was built without it
        return None
    try:
        path = cache_folder() / FILE
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.is_file():
            return None
        with contextlib.closing(sqlite3.connect(path, timeout=_LOCKED_S)) as database:
            try:
                return use(database)
            except sqlite3.OperationalError:  # locked, full or not writable
                raise
            except sqlite3.DatabaseError:  # not a database, or a spoilt one
                path.unlink(missing_ok=True)
                raise
    except (sqlite3.Error, OSError, RuntimeError) as error:
        log.debug("The cache of embeddings is not used: %s.", error)
    return None


def _insert(database: "sqlite3.Connection", rows: Sequence[tuple[Any, ...]]) -> None:
    with database:
        database.execute(_TABLE)
        database.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)", rows)
        _shrink(database)


def _shrink(database: "sqlite3.Connection") -> None:
    def number(pragma: str) -> int:
        return database.execute(f"PRAGMA {pragma}").fetchone()[0]

    used = (number("page_count") - number("freelist_count")) * number("page_size")
    if used > MAX_BYTES:
        database.execute(
            "DELETE FROM embeddings WHERE key IN (SELECT key FROM embeddings ORDER BY day, rowid "
            "LIMIT (SELECT count(*) / 4 FROM embeddings))"
        )


def _today() -> int:
    return int(time.time() // _DAY_S)
