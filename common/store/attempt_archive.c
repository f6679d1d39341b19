// SPDX-License-Identifier: Apache-2.0

// The deploy archive is fetched: the tokens of an attempt are made here, and only their hashes
// stay.

#include "store/attempt.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "store/life.h"
#include "store/timeline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static int
refuse(struct attempt_refusal *ret_refused, enum error_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ret_refused->code = code;
    vsnprintf(ret_refused->message, sizeof(ret_refused->message), format, arguments);
    va_end(arguments);
    return 0;
}

// Who may have the archive: the address that got the script, or another one of the machine before
// the first fetch.
static bool archive_is_for(const struct attempt_row *row, const char *address,
                           int address_is_machines)
{
    if (address_is_machines == CLAIM_FOREIGN) {
        return false;
    }
    return strcmp(row->a.address, address) == 0 ||
           (address_is_machines == CLAIM_OWN && !row->a.has_token);
}

static int archive_give(struct store_conn *conn, struct attempt_row *row, const char *address,
                        char *ret_token, char *ret_phone_home_token, struct error *err)
{
    uint8_t token_hash[SHA256_BYTES], phone_home_hash[SHA256_BYTES];
    struct life life;
    token_make(ret_token);
    token_make(ret_phone_home_token);
    sha256_bytes(ret_token, strlen(ret_token), token_hash);
    sha256_bytes(ret_phone_home_token, strlen(ret_phone_home_token), phone_home_hash);
    if (sql_run(
            conn, err,
            "UPDATE attempts SET token_hash = ?2, phone_home_hash = ?3, address = ?4 WHERE id = ?1",
            "ihht", row->a.id, token_hash, phone_home_hash, address) < 0 ||
        timeline_addf(conn, row->a.machine_id, row->a.deployment[0] ? row->a.deployment : NULL,
                      "bootd", "boot.archive", err, "to %s%s", address,
                      row->a.has_token ? ", again: its former token is ended" : "") < 0 ||
        life_by_seq(conn, row->deployment_seq, &life, err) < 0) {
        return -1;
    }
    return life.seq != 0 && life.state == DEPLOYMENT_PENDING
               ? life_move(conn, &life, DEPLOYMENT_BOOTING, "bootd", NULL, err)
               : 0;
}

int attempt_fetch_archive(struct store_conn *conn, const char *key, const char *address,
                          int address_is_machines, struct attempt *ret_attempt, char *ret_token,
                          char *ret_phone_home_token, struct attempt_refusal *ret_refused,
                          struct error *err)
{
    struct attempt_row row;
    struct error why = {0};
    *ret_refused = (struct attempt_refusal){0};
    if (attempt_row_by_key(conn, key, &row, &why) < 0) {
        return why.code == ERROR_NOT_FOUND
                   ? refuse(ret_refused, ERROR_NOT_FOUND, "there is no such archive")
                   : error_set(err, why.code, "%s", why.message);
    }
    bool ours = archive_is_for(&row, address, address_is_machines);
    if (row.a.ended) {
        refuse(ret_refused, ERROR_CONFLICT, "this boot attempt is over: %s", row.a.ended_why);
        return attempt_alarm(conn, &row, "bootd", err,
                             "%s asked for the archive of a boot attempt that is over (%s)",
                             address, row.a.ended_why);
    }
    if (!ours) {
        refuse(ret_refused, ERROR_FORBIDDEN, "the archive is another address's");
        return attempt_alarm(conn, &row, "bootd", err,
                             "%s asked for the archive of the machine at %s", address,
                             row.a.address);
    }
    if (row.a.first_contact_ms != 0) {
        refuse(ret_refused, ERROR_CONFLICT, "the agent of this boot attempt reports already");
        return attempt_alarm(conn, &row, "bootd", err,
                             "%s asked for the archive again, but its agent reports already",
                             address);
    }
    if (archive_give(conn, &row, address, ret_token, ret_phone_home_token, err) < 0) {
        return -1;
    }
    if (attempt_row_by_id(conn, row.a.id, &row, err) < 0) {
        return -1;
    }
    *ret_attempt = row.a;
    return 0;
}
