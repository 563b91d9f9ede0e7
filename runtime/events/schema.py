"""The tables of the store, and the steps from older ones to these."""

import contextlib
import sqlite3

from ..errors import StzsarError

# Step N leads from version N to N + 1: an existing step never changes, a new one is added.
MIGRATIONS = (
    """
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        address TEXT NOT NULL,
        label TEXT NOT NULL,
        start_s REAL NOT NULL,
        end_s REAL NOT NULL,
        time REAL,
        recorded REAL NOT NULL,
        peak REAL NOT NULL,
        bundle TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'open',
        scores BLOB NOT NULL DEFAULT x'',
        clip TEXT, still TEXT, annotated TEXT,
        clip_bytes INTEGER NOT NULL DEFAULT 0,
        still_bytes INTEGER NOT NULL DEFAULT 0,
        annotated_bytes INTEGER NOT NULL DEFAULT 0,
        left_out INTEGER NOT NULL DEFAULT 0,
        kept INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX event_when ON event (coalesce(time, recorded));
    CREATE INDEX event_clip ON event (id) WHERE clip IS NOT NULL;
    CREATE INDEX event_still ON event (id) WHERE still IS NOT NULL;
    """,
    "ALTER TABLE event ADD COLUMN region TEXT",
    "ALTER TABLE event ADD COLUMN priority TEXT",
    """
    ALTER TABLE event ADD COLUMN verdict TEXT;
    ALTER TABLE event ADD COLUMN verified_by TEXT;
    ALTER TABLE event ADD COLUMN verified_score REAL;
    ALTER TABLE event ADD COLUMN said TEXT
    """,
    "ALTER TABLE event ADD COLUMN mark TEXT",
)


def version_of(database: sqlite3.Connection) -> int:
    """Return how many steps a database has taken."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(database: sqlite3.Connection, name: str, *, create: bool) -> None:
    """Refuse what is no store of ours, and add the tables or steps that are missing.

    A store may come from a stranger, and SQL in a file can be a program: a view instead of the
    table, a trigger, or a column that is computed.

    Raises:
        StzsarError: it has taken steps that this version does not know, or has other tables.
        sqlite3.Error: it is no database.
    """
    version = version_of(database)
    if version > len(MIGRATIONS):
        raise StzsarError(
            f"The event store {name} was written by a newer stzsar: update stzsar, or name another "
            "folder."
        )
    is_new = create and not _tables(database)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as twin:
        _migrate(twin, version)
        if version < 0 or not (is_new or (version and _tables(database) == _tables(twin))):
            raise StzsarError(
                f"The event store {name} cannot be used: its tables are not those of stzsar. Name "
                "another folder."
            )
    if is_new:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if create:
        database.execute("PRAGMA journal_mode = WAL")
    _migrate(database, len(MIGRATIONS))


def _tables(database: sqlite3.Connection) -> set[tuple[str, ...]]:
    """Return everything that a database has, but what SQLite keeps for itself."""
    return set(
        database.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master "
            "WHERE type != 'table' OR name NOT GLOB 'sqlite_*'"
        )
    )


def _migrate(database: sqlite3.Connection, wanted: int) -> None:
    """Bring the tables up to a version, each step whole or not at all."""
    for version in range(version_of(database), wanted):
        database.executescript(
            f"BEGIN IMMEDIATE;{MIGRATIONS[version]};PRAGMA user_version = {version + 1};COMMIT;"
        )
