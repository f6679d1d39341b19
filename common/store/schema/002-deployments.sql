-- SPDX-License-Identifier: Apache-2.0
-- Deployments and boot attempts (store/deployment.h, store/attempt.h). Times are milliseconds since 1970, 0 = never.

CREATE TABLE deployments (
    seq              INTEGER PRIMARY KEY AUTOINCREMENT, -- the newest of a machine is its current one
    id               TEXT NOT NULL UNIQUE,
    machine_id       INTEGER NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    mode             TEXT NOT NULL,
    image_url        TEXT NOT NULL,
    digest           TEXT NOT NULL,
    raw_digest       TEXT NOT NULL,
    layer_digest     TEXT NOT NULL,
    layer_size       INTEGER NOT NULL,
    fetch_url        TEXT NOT NULL,
    media_type       TEXT NOT NULL,
    hostname         TEXT NOT NULL,
    vars             TEXT,                              -- JSON object of strings
    phone_home       INTEGER NOT NULL,
    state            INTEGER NOT NULL CHECK (state BETWEEN 0 AND 7), -- enum deployment_state; 5 and above are over
    state_ms         INTEGER NOT NULL,                  -- in this state since
    reason           TEXT NOT NULL DEFAULT '',
    touched          INTEGER NOT NULL DEFAULT 0,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    created_ms       INTEGER NOT NULL,
    updated_ms       INTEGER NOT NULL,
    installed_ms     INTEGER NOT NULL DEFAULT 0,
    attempts         INTEGER NOT NULL DEFAULT 0,
    step             TEXT NOT NULL DEFAULT '',
    progress_bytes   INTEGER NOT NULL DEFAULT 0,
    progress_total   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX deployments_of_machine ON deployments (machine_id, seq);
-- At most one deployment of a machine is not over: what deployment_begin checks, proven by the DB.
CREATE UNIQUE INDEX deployments_active ON deployments (machine_id) WHERE state < 5;
CREATE INDEX deployments_active_layer ON deployments (layer_digest) WHERE state < 5;
CREATE INDEX deployments_active_digest ON deployments (digest) WHERE state < 5;


CREATE TRIGGER machines_with_active_deployment BEFORE DELETE ON machines
WHEN EXISTS (SELECT 1 FROM deployments WHERE machine_id = old.id AND state < 5)
BEGIN
    SELECT RAISE(ABORT, 'a deployment of the machine is active: cancel it first');
END;

CREATE TABLE attempts (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    key              TEXT NOT NULL UNIQUE,              -- in the archive's URL
    machine_id       INTEGER NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    deployment_seq   INTEGER REFERENCES deployments (seq) ON DELETE CASCADE, -- NULL: an agent in standby
    address          TEXT NOT NULL,                     -- of the script's asker, then of the archive's fetcher
    address_own      INTEGER NOT NULL,                  -- the lease file gave that address to the machine (or there is none)
    token_hash       BLOB UNIQUE,                       -- SHA-256; NULL before the archive is fetched
    phone_home_hash  BLOB UNIQUE,
    boot_id          TEXT NOT NULL DEFAULT '',          -- the agent's
    first_contact_ms INTEGER NOT NULL DEFAULT 0,
    last_contact_ms  INTEGER NOT NULL DEFAULT 0,        -- reports with an ended token too
    silent           INTEGER NOT NULL DEFAULT 0,        -- the timeline says so already
    disk             INTEGER NOT NULL DEFAULT 0,        -- 0 not written, 1 unknown (the agent works), 2 written
    step             TEXT NOT NULL DEFAULT '',
    ended            INTEGER NOT NULL DEFAULT 0,
    ended_why        TEXT NOT NULL DEFAULT '',
    serves           INTEGER NOT NULL DEFAULT 0,        -- that count
    last_serve_ms    INTEGER NOT NULL DEFAULT 0,
    created_ms       INTEGER NOT NULL,
    alarm_ms         INTEGER NOT NULL DEFAULT 0,        -- the last alarm's row, and how many were left out since
    alarm_left_out   INTEGER NOT NULL DEFAULT 0,
    ended_report_ms  INTEGER NOT NULL DEFAULT 0,
    progress_ms      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX attempts_of_deployment ON attempts (deployment_seq, id);
CREATE INDEX attempts_of_machine ON attempts (machine_id, id);
-- One open attempt a machine: the fence.
CREATE UNIQUE INDEX attempts_open ON attempts (machine_id) WHERE ended = 0;

CREATE INDEX attempts_alarms ON attempts (alarm_ms) WHERE alarm_left_out > 0;
-- The sweep's.
CREATE INDEX deployments_active_state ON deployments (state) WHERE state < 5;

-- What a machine's firmware was told last, so that a script that is asked for every minute is not a row every minute.
CREATE TABLE answers (
    machine_id INTEGER PRIMARY KEY REFERENCES machines (id) ON DELETE CASCADE,
    answer     TEXT NOT NULL,
    told_ms    INTEGER NOT NULL, -- when the timeline got its row
    left_out   INTEGER NOT NULL
) STRICT;
