// SPDX-License-Identifier: Apache-2.0

// Deployments as apid sees them: made, read, listed, pinned, cancelled.

#include "store/deployment.h"

#include "base/clock.h"
#include "store/life.h"
#include "store/report.h"
#include "store/timeline.h"

#include <stdlib.h>
#include <string.h>

const char *deployment_state_name(enum deployment_state state)
{
    static const char *const names[] = {"pending",   "booting",   "running", "failing",
                                        "installed", "succeeded", "failed",  "cancelled"};
    return (size_t)state < sizeof(names) / sizeof(*names) ? names[state] : "unknown";
}

bool deployment_is_over(enum deployment_state state)
{
    return state >= DEPLOYMENT_SUCCEEDED;
}

void deployment_fini(struct deployment *deployment)
{
    if (deployment->vars) {
        explicit_bzero(deployment->vars, strlen(deployment->vars)); // may hold secrets
    }
    free(deployment->vars);
    *deployment = (struct deployment){0};
}

#define DEPLOYMENT_COLUMNS                                                                         \
    "id, machine_id, mode, image_url, digest, raw_digest, layer_digest, layer_size, fetch_url, "   \
    "media_type, hostname, "                                                                       \
    "vars, phone_home, state, reason, touched, cancel_requested, created_ms, updated_ms, "         \
    "installed_ms, attempts, "                                                                     \
    "step, progress_bytes, progress_total"

static int deployment_read(struct stmt *stmt, struct deployment *ret_deployment, struct error *err)
{
    struct deployment deployment = {
        .machine_id = stmt_int(stmt, 1),
        .layer_size = stmt_int(stmt, 7),
        .phone_home_wanted = stmt_int(stmt, 12) != 0,
        .state = (enum deployment_state)stmt_int(stmt, 13),
        .touched = stmt_int(stmt, 15) != 0,
        .cancel_requested = stmt_int(stmt, 16) != 0,
        .created_ms = stmt_int(stmt, 17),
        .updated_ms = stmt_int(stmt, 18),
        .installed_ms = stmt_int(stmt, 19),
        .attempts = (unsigned)stmt_int(stmt, 20),
        .progress_bytes = (uint64_t)stmt_int(stmt, 22),
        .progress_total = (uint64_t)stmt_int(stmt, 23),
    };
    stmt_copy(stmt, 0, deployment.id, sizeof(deployment.id));
    stmt_copy(stmt, 2, deployment.mode, sizeof(deployment.mode));
    stmt_copy(stmt, 3, deployment.image_url, sizeof(deployment.image_url));
    stmt_copy(stmt, 4, deployment.digest, sizeof(deployment.digest));
    stmt_copy(stmt, 5, deployment.raw_digest, sizeof(deployment.raw_digest));
    stmt_copy(stmt, 6, deployment.layer_digest, sizeof(deployment.layer_digest));
    stmt_copy(stmt, 8, deployment.fetch_url, sizeof(deployment.fetch_url));
    stmt_copy(stmt, 9, deployment.media_type, sizeof(deployment.media_type));
    stmt_copy(stmt, 10, deployment.hostname, sizeof(deployment.hostname));
    stmt_copy(stmt, 14, deployment.reason, sizeof(deployment.reason));
    stmt_copy(stmt, 21, deployment.step, sizeof(deployment.step));
    if (stmt_dup(stmt, 11, &deployment.vars, err) < 0) {
        return -1;
    }
    *ret_deployment = deployment;
    return 0;
}

int deployment_by_id(struct store_conn *conn, const char *id, struct deployment *ret_deployment,
                     struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err, "SELECT " DEPLOYMENT_COLUMNS " FROM deployments WHERE id = ?1",
                 "t", id) < 0 ||
        stmt_one(stmt, err, "there is no deployment %.36s", id) < 0) {
        return -1;
    }
    return deployment_read(stmt, ret_deployment, err);
}

int deployment_current(struct store_conn *conn, int64_t machine_id,
                       struct deployment *ret_deployment, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err,
                 "SELECT " DEPLOYMENT_COLUMNS
                 " FROM deployments WHERE machine_id = ?1 ORDER BY seq DESC LIMIT 1",
                 "i", machine_id) < 0 ||
        stmt_one(stmt, err, "the machine never had a deployment") < 0) {
        return -1;
    }
    return deployment_read(stmt, ret_deployment, err);
}

int deployment_list(struct store_conn *conn, int64_t machine_id, unsigned limit,
                    int (*each)(void *context, const struct deployment *deployment,
                                struct error *err),
                    void *context, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err,
                 "SELECT " DEPLOYMENT_COLUMNS
                 " FROM deployments WHERE machine_id = ?1 ORDER BY seq DESC LIMIT ?2",
                 "iu", machine_id, limit) < 0) {
        return -1;
    }
    for (;;) {
        int row = stmt_step(stmt, err);
        if (row <= 0) {
            return row;
        }
        struct deployment deployment;
        if (deployment_read(stmt, &deployment, err) < 0) {
            return -1;
        }
        int r = each(context, &deployment, err);
        deployment_fini(&deployment);
        if (r < 0) {
            return r;
        }
    }
}

// An agent that stands by keeps its token so that it can be told to restart: no deployment hangs on
// that token, and the next script's attempt ends it. All other attempts end here.
static int begin_fence(struct store_conn *conn, int64_t machine_id, struct error *err)
{
    struct attempt_row open;
    if (attempt_row_open(conn, machine_id, &open, err) < 0) {
        return -1;
    }
    if (open.a.id != 0 && open.deployment_seq == 0 &&
        attempt_is_live(&open, clock_now_ms(), AGENT_LIVE_MS)) {
        return command_queue(conn, machine_id, "reboot", err);
    }
    return attempt_end(conn, machine_id, "a new deployment began", err);
}

static int begin_insert(struct store_conn *conn, const struct deployment *d, struct error *err)
{
    return sql_run(
        conn, err,
        "INSERT INTO deployments (id, machine_id, mode, image_url, digest, raw_digest, "
        "layer_digest, layer_size,"
        " fetch_url, media_type, hostname, vars, phone_home, state, state_ms, created_ms, "
        "updated_ms)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?15)",
        "tittttt"
        "ittttuui",
        d->id, d->machine_id, d->mode, d->image_url, d->digest, d->raw_digest, d->layer_digest,
        d->layer_size, d->fetch_url, d->media_type, d->hostname, d->vars,
        (unsigned)d->phone_home_wanted, (unsigned)d->state, d->created_ms);
}

int deployment_begin(struct store_conn *conn, struct deployment *deployment, struct error *err)
{
    struct life current;
    if (life_current(conn, deployment->machine_id, &current, err) < 0) {
        return -1;
    }
    if (current.seq != 0 && !deployment_is_over(current.state)) {
        return error_set(err, ERROR_CONFLICT, "deployment %s of the machine is %s%s", current.id,
                         deployment_state_name(current.state),
                         current.cancel_requested ? ", being cancelled" : "");
    }
    struct uuid uuid;
    uuid_make(&uuid);
    uuid_format(&uuid, deployment->id);
    deployment->state = DEPLOYMENT_PENDING;
    deployment->created_ms = deployment->updated_ms = clock_now_ms();
    if (begin_fence(conn, deployment->machine_id, err) < 0 ||
        begin_insert(conn, deployment, err) < 0) {
        return -1;
    }
    return timeline_addf(conn, deployment->machine_id, deployment->id, "apid", "deployment.created",
                         err, "%s %s%s%s", deployment->mode, deployment->image_url,
                         deployment->hostname[0] ? " as " : "", deployment->hostname);
}

int deployment_pin(struct store_conn *conn, const char *id, const struct deployment *resolved,
                   struct error *err)
{
    CLEANUP(deployment_fini) struct deployment old = {0};
    if (deployment_by_id(conn, id, &old, err) < 0) {
        return -1;
    }
    if (old.digest[0] != '\0' && resolved->digest[0] != '\0' &&
        strcmp(old.digest, resolved->digest) != 0) {
        return error_set(err, ERROR_CONFLICT, "the deployment is pinned to %s, not to %s",
                         old.digest, resolved->digest);
    }
    if (old.layer_digest[0] != '\0' && old.fetch_url[0] != '\0') {
        return strcmp(old.layer_digest, resolved->layer_digest) == 0
                   ? 0
                   : error_set(err, ERROR_CONFLICT, "the deployment's layer is pinned to %s",
                               old.layer_digest);
    }
    if (sql_run(conn, err,
                "UPDATE deployments SET digest = ?2, layer_digest = ?3, layer_size = ?4, fetch_url "
                "= ?5, media_type = ?6,"
                " updated_ms = ?7 WHERE id = ?1",
                "tttitti", id, resolved->digest[0] ? resolved->digest : old.digest,
                resolved->layer_digest, resolved->layer_size, resolved->fetch_url,
                resolved->media_type, clock_now_ms()) < 0) {
        return -1;
    }
    return timeline_addf(conn, old.machine_id, id, "bootd", "image.pinned", err,
                         "%s is %s, %lld bytes", old.image_url, resolved->layer_digest,
                         (long long)resolved->layer_size);
}

int deployment_cancel(struct store_conn *conn, const char *id, struct deployment *ret_deployment,
                      struct error *err)
{
    CLEANUP(deployment_fini) struct deployment old = {0};
    struct life life;
    struct attempt_row open;
    if (deployment_by_id(conn, id, &old, err) < 0 ||
        life_current(conn, old.machine_id, &life, err) < 0 ||
        attempt_row_open(conn, old.machine_id, &open, err) < 0) {
        return -1;
    }
    if (deployment_is_over(old.state)) {
        return error_set(err, ERROR_CONFLICT, "the deployment is %s already",
                         deployment_state_name(old.state));
    }
    // An installed one's agent has nothing left to stop.
    bool must_wait = open.a.id != 0 && open.deployment_seq == life.seq &&
                     life.state != DEPLOYMENT_INSTALLED &&
                     attempt_is_live(&open, clock_now_ms(), AGENT_LIVE_MS);
    int r = 0;
    if (must_wait) {
        r = attempt_end(conn, old.machine_id, "the deployment is being cancelled", err);
        r = r < 0
                ? r
                : sql_run(
                      conn, err,
                      "UPDATE deployments SET cancel_requested = 1, updated_ms = ?2 WHERE id = ?1",
                      "ti", id, clock_now_ms());
        r = r < 0 ? r
                  : timeline_addf(conn, old.machine_id, id, "apid", "deployment.cancel", err,
                                  "asked for; waits for the agent's stop");
    } else if (!old.cancel_requested) {
        r = life_move(conn, &life, DEPLOYMENT_CANCELLED, "apid", "cancelled on request", err);
    }
    return r < 0 ? r : deployment_by_id(conn, id, ret_deployment, err);
}

int deployment_wants_digest(struct store_conn *conn, const char *digest,
                            bool (*names)(void *context, const char *image_url,
                                          const char *fetch_url),
                            void *context, bool *ret_wanted, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (sql_open(conn, &stmt, err,
                 "SELECT image_url, fetch_url FROM deployments WHERE layer_digest = ?1 AND state < 5"
                 " UNION ALL"
                 " SELECT image_url, fetch_url FROM deployments WHERE digest = ?1 AND state < 5",
                 "t", digest) < 0) {
        return -1;
    }
    *ret_wanted = false;
    int row;
    while ((row = stmt_step(stmt, err)) > 0 && !*ret_wanted) {
        *ret_wanted = names(context, stmt_text(stmt, 0), stmt_text(stmt, 1));
    }
    return row < 0 ? row : 0;
}

int deployment_counts(struct store_conn *conn, int64_t *ret_counts, size_t size, struct error *err)
{
    CLEANUP_STMT struct stmt *stmt = NULL;
    if (stmt_prepare(
            conn, &stmt,
            "SELECT state, count(*) FROM deployments"
            " WHERE seq IN (SELECT max(seq) FROM deployments GROUP BY machine_id) GROUP BY state",
            err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < size; i++) {
        ret_counts[i] = 0;
    }
    int row;
    while ((row = stmt_step(stmt, err)) > 0) {
        int64_t state = stmt_int(stmt, 0);
        if (state >= 0 && (size_t)state < size) {
            ret_counts[state] = stmt_int(stmt, 1);
        }
    }
    return row;
}
