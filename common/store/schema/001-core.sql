-- SPDX-License-Identifier: Apache-2.0
-- The families that every yard has: machines, timeline, reports, commands, tokens, audit, redfishd's and imaged's own rows.
-- Deployments and attempts are in 002. Times are milliseconds since 1970. A file that was released is never edited: write the next number.

CREATE TABLE machines (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    uuid BLOB UNIQUE CHECK (uuid IS NULL OR length(uuid) = 16),
    serial TEXT UNIQUE CHECK (serial <> ''),
    arch TEXT NOT NULL,
    labels TEXT,
    power TEXT,
    enrolled INTEGER NOT NULL DEFAULT 0 CHECK (enrolled IN (0, 1)),
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX machines_enrolled ON machines (created_ms) WHERE enrolled = 1;

CREATE TABLE interfaces (
    mac BLOB PRIMARY KEY CHECK (length(mac) = 6),
    machine_id INTEGER NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    position INTEGER NOT NULL
) STRICT;
CREATE INDEX interfaces_machine ON interfaces (machine_id, position);

-- AUTOINCREMENT: a seq is never used twice, not even after its row is gone.
CREATE TABLE timeline (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    machine_id INTEGER NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    deployment TEXT,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT
) STRICT;
CREATE INDEX timeline_machine ON timeline (machine_id, seq);

CREATE TABLE reports (
    id INTEGER PRIMARY KEY,
    machine_id INTEGER NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT;
CREATE INDEX reports_machine ON reports (machine_id, kind, id);

CREATE TABLE commands (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    machine_id INTEGER NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'delivered', 'completed', 'failed')),
    message TEXT,
    created_ms INTEGER NOT NULL,
    delivered_ms INTEGER,
    acknowledged_ms INTEGER
) STRICT;
CREATE INDEX commands_machine ON commands (machine_id, seq);

CREATE TABLE api_tokens (
    name TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    role INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL DEFAULT 0,
    last_used_ms INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL
) STRICT;

CREATE TABLE power_states (
    machine_id INTEGER PRIMARY KEY REFERENCES machines (id) ON DELETE CASCADE,
    is_on INTEGER NOT NULL CHECK (is_on IN (0, 1)),
    changed_ms INTEGER NOT NULL,
    boot_target TEXT NOT NULL,
    boot_enabled TEXT NOT NULL
) STRICT;

CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE blob_origins (
    digest TEXT NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE,
    repository TEXT NOT NULL,
    PRIMARY KEY (digest, repository)
) STRICT;
