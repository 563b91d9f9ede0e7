PRAGMA user_version = 5;
CREATE INDEX event_clip ON event (id) WHERE clip IS NOT NULL;
CREATE INDEX event_still ON event (id) WHERE still IS NOT NULL;
CREATE INDEX event_when ON event (coalesce(time, recorded));
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
    , region TEXT, priority TEXT, verdict TEXT, verified_by TEXT, verified_score REAL, said TEXT, mark TEXT);
