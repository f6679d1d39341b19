// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files about deployments and attempts share: their rows as the state machine needs them,
// the one function that changes a deployment's state, and small helpers for SQL. Private to this
// folder.

#include "store/attempt.h"
#include "store/deployment.h"
#include "store/internal.h"

enum {
    LIFE_STEP_SIZE = 64,
    LIFE_BOOT_ID_SIZE = 64,
    ALARM_PERIOD_MS =
        60000, // at most one alarm row an attempt in this time, then with the number left out
    AGENT_LIVE_MS = 60000, // "the last minute" where the caller brings no setting
    ATTEMPT_STALE_MS =
        300000, // so long idle, another address may take a boot over without evidence
};

// What the attempt's agent did to the disk.
enum life_disk { DISK_UNTOUCHED, DISK_UNKNOWN, DISK_TOUCHED };

// A deployment, as far as its life is concerned.
struct life {
    int64_t seq; // 0: none
    char id[UUID_TEXT_SIZE];
    int64_t machine_id;
    char mode[24];
    enum deployment_state state;
    int64_t state_ms, installed_ms;
    char reason[DEPLOYMENT_REASON_SIZE];
    bool touched, cancel_requested, phone_home_wanted;
};

struct attempt_row {
    struct attempt a;       // a.id 0: none
    int64_t deployment_seq; // 0: standby
    bool address_own;
    bool silent;
    enum life_disk disk;
    char step[LIFE_STEP_SIZE];
    int64_t last_serve_ms, alarm_ms, ended_report_ms, progress_ms;
    unsigned alarm_left_out;
};

// ---- SQL (life.c). `types` has a letter a parameter: i int64_t, u unsigned, int, bool or enum, t
// text (NULL allowed), h SHA-256 (32 bytes, NULL allowed). `sql` is a literal.
int sql_open(struct store_conn *conn, struct stmt **ret_stmt, struct error *err, const char *sql,
             const char *types, ...);
int sql_run(struct store_conn *conn, struct error *err, const char *sql, const char *types, ...);
int sql_number(struct store_conn *conn, int64_t *ret_number, struct error *err, const char *sql,
               const char *types, ...);

// Text of a peer made fit to store: valid UTF-8, control characters are spaces, cut to `size`.
void life_clean(const char *text, char *buffer, size_t size);

// ---- deployments (life.c)
int life_by_seq(struct store_conn *conn, int64_t seq, struct life *ret_life,
                struct error *err); // seq 0: an empty one
int life_current(struct store_conn *conn, int64_t machine_id, struct life *ret_life,
                 struct error *err); // none: an empty one

// The only place where a state changes: row, timeline, and for failed and cancelled the end of the
// attempts. `reason` NULL: the old one stays. Does not ask whether the arrow exists: that is the
// event's business.
int life_move(struct store_conn *conn, struct life *life, enum deployment_state to,
              const char *source, const char *reason, struct error *err);
// `touched` again from what the attempts are known to have done.
int life_touch(struct store_conn *conn, struct life *life, struct error *err);

// True when a step of this name may have written to the disk, or comes after one (unknown names
// may). `previous` is the step that the agent was last known to be in, "" unknown.
bool life_step_writes(const char *previous, const char *step);
// "step <name> failed: ..." to the name; false when the text has another form.
bool life_step_of_error(const char *text, char step[LIFE_STEP_SIZE]);

// ---- attempts (attempt.c)
int attempt_row_by_id(struct store_conn *conn, int64_t id, struct attempt_row *ret_row,
                      struct error *err); // ERROR_NOT_FOUND
int attempt_row_open(struct store_conn *conn, int64_t machine_id, struct attempt_row *ret_row,
                     struct error *err); // none: id 0
int attempt_row_newest(struct store_conn *conn, int64_t deployment_seq, struct attempt_row *ret_row,
                       struct error *err); // the same
int attempt_row_by_key(struct store_conn *conn, const char *key, struct attempt_row *ret_row,
                       struct error *err); // ERROR_NOT_FOUND
int attempt_row_by_hash(struct store_conn *conn, const uint8_t *hash, struct attempt_row *ret_row,
                        struct error *err); // the same
bool attempt_is_live(const struct attempt_row *row, int64_t now_ms, int64_t live_ms);

// Ends the machine's open attempt, if there is one.
int attempt_end(struct store_conn *conn, int64_t machine_id, const char *why, struct error *err);
int attempt_set_disk(struct store_conn *conn, struct attempt_row *row, enum life_disk disk,
                     struct error *err);

// A row of kind "alarm", at most one a minute an attempt.
int attempt_alarm(struct store_conn *conn, struct attempt_row *row, const char *source,
                  struct error *err, const char *format, ...) __attribute__((format(printf, 5, 6)));
