// SPDX-License-Identifier: Apache-2.0

// The installed system says that it runs: the evidence that a deployment worked.

#include "base/bytes.h"
#include "base/clock.h"
#include "store/attempt.h"
#include "store/life.h"
#include "store/timeline.h"

#include <stdio.h>
#include <string.h>

static int life_by_phone_home(struct store_conn *conn, const char *token, struct life *ret_life,
                              struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    uint8_t hash[SHA256_BYTES];
    sha256_bytes(token, strlen(token), hash);
    if (sql_open(conn, &stmt, err, "SELECT deployment_seq FROM attempts WHERE phone_home_hash = ?1",
                 "h", hash) < 0) {
        return -1;
    }
    int row = stmt_step(stmt, err);
    if (row < 0) {
        return row;
    }
    if (row == 0 || stmt_is_null(stmt, 0)) {
        return error_set(err, ERROR_UNAUTHORIZED, "the token is not known");
    }
    return life_by_seq(conn, stmt_int(stmt, 0), ret_life, err);
}

int attempt_phone_home(struct store_conn *conn, const char *token, const struct phone_home *report,
                       struct error *err)
{
    struct life life;
    int64_t agents = 0;
    if (life_by_phone_home(conn, token, &life, err) < 0) {
        return -1;
    }
    if (life.state == DEPLOYMENT_SUCCEEDED) {
        return 0;
    }
    if (life.state != DEPLOYMENT_INSTALLED) {
        return error_set(err, ERROR_CONFLICT, "a phone-home for a deployment that is %s",
                         deployment_state_name(life.state));
    }
    char boot_id[LIFE_BOOT_ID_SIZE], hostname[DEPLOYMENT_HOSTNAME_SIZE], machine_id[64];
    life_clean(report->boot_id ? report->boot_id : "", boot_id, sizeof(boot_id));
    life_clean(report->hostname ? report->hostname : "", hostname, sizeof(hostname));
    life_clean(report->machine_id ? report->machine_id : "", machine_id, sizeof(machine_id));
    if (sql_number(conn, &agents, err,
                   "SELECT count(*) FROM attempts WHERE deployment_seq = ?1 AND boot_id <> '' AND "
                   "boot_id = ?2 COLLATE NOCASE",
                   "it", life.seq, boot_id) < 0) {
        return -1;
    }
    if (agents > 0) {
        return error_set(err, ERROR_CONFLICT, "the phone-home comes from the agent's own boot");
    }
    if (timeline_addf(conn, life.machine_id, life.id, "os", "phone-home", err,
                      "host %s, boot %s, machine-id %s, from %s", hostname, boot_id, machine_id,
                      report->address ? report->address : "") < 0) {
        return -1;
    }
    return life_move(conn, &life, DEPLOYMENT_SUCCEEDED, "statusd", NULL, err);
}
