-- SPDX-License-Identifier: Apache-2.0
-- Log lines of machines, apart from the machine DB so that they never hold its write lock. machine_id and attempt_id are the machine
-- DB's numbers; no foreign key can cross files, so statusd forgets the lines of machines that are gone.

CREATE TABLE lines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    machine_id INTEGER NOT NULL,
    attempt_id INTEGER NOT NULL,
    level TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX lines_machine ON lines (machine_id, seq);

-- Bytes kept of each machine, so that the limit costs one row's update and no sum.
CREATE TABLE usage (
    machine_id INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT;
