// SPDX-License-Identifier: Apache-2.0
#pragma once

// Log lines of machines, in logs.db: use store_write_logs and store_logs_reader. Kept: the newest
// 64 MiB a machine.

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct store_conn;

struct log_record {
    int64_t seq; // 0 when adding
    int64_t time_ms;
    int64_t machine_id;
    int64_t attempt_id;
    char level;       // 'I', 'W', 'E', 'D'
    const char *text; // may hold newlines; UTF-8 (invalid bytes are replaced), at most 64 KiB
};
int log_append(struct store_conn *conn, const struct log_record *record, struct error *err);
int log_list(struct store_conn *conn, int64_t machine_id, int64_t after, unsigned limit,
             int (*each)(void *context, const struct log_record *record, struct error *err),
             void *context, struct error *err);

// Which machines have lines; and all lines of a machine that is no more (statusd tidies up by these
// two).
int log_machines(struct store_conn *conn,
                 int (*each)(void *context, int64_t machine_id, struct error *err), void *context,
                 struct error *err);
int log_forget(struct store_conn *conn, int64_t machine_id, struct error *err);
