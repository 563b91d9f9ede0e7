"""The tables of the store, and the steps from older ones to these."""

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
    """
    ALTER TABLE event ADD COLUMN verdict TEXT;
    ALTER TABLE event ADD COLUMN verified_by TEXT;
    ALTER TABLE event ADD COLUMN verified_score REAL;
    ALTER TABLE event ADD COLUMN said TEXT
    """,
)


def version_of(database: sqlite3.Connection) -> int:
    """Return how many steps a database has taken."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def check_version(database: sqlite3.Connection, name: str) -> None:
    """Refuse a store that a newer stzsar wrote.

    Raises:
        StzsarError: it has taken steps that this version does not know.
    """
    if version_of(database) > len(MIGRATIONS):
        raise StzsarError(
            f"The event store {name} was written by a newer stzsar: update stzsar, or name another "
            "folder."
        )


def migrate(database: sqlite3.Connection) -> None:
    """Bring the tables up to date, each step whole or not at all."""
    for version in range(version_of(database), len(MIGRATIONS)):
        database.executescript(
            f"BEGIN IMMEDIATE;{MIGRATIONS[version]};PRAGMA user_version = {version + 1};COMMIT;"
        )
