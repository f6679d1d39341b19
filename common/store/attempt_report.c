// SPDX-License-Identifier: Apache-2.0

// What an agent reports, and what it does to its deployment.

#include "base/clock.h"
#include "store/attempt.h"
#include "store/life.h"
#include "store/timeline.h"

#include <stdio.h>
#include <string.h>

enum { PROGRESS_PERIOD_MS = 2000, ENDED_REPORT_PERIOD_MS = 60000, TEXT_SIZE = 1000 };

// A report's attempt and its deployment (seq 0 for an agent in standby).
struct report_context {
    struct attempt_row row;
    struct life life;
};

static int report_begin(struct store_conn *conn, int64_t attempt_id, struct report_context *report,
                        struct error *err)
{
    if (attempt_row_by_id(conn, attempt_id, &report->row, err) < 0) {
        return -1;
    }
    if (report->row.a.ended) {
        return error_set(err, ERROR_CONFLICT, "this boot attempt is over: %s",
                         report->row.a.ended_why);
    }
    return life_by_seq(conn, report->row.deployment_seq, &report->life, err);
}

static int report_event(struct store_conn *conn, const struct report_context *report,
                        const char *kind, const char *text, const char *data, struct error *err)
{
    char clean[TEXT_SIZE];
    life_clean(text, clean, sizeof(clean));
    struct timeline_event event = {.machine_id = report->row.a.machine_id,
                                   .deployment = report->life.seq ? report->life.id : NULL,
                                   .source = "agent",
                                   .kind = kind,
                                   .text = clean,
                                   .data = data};
    return timeline_add(conn, &event, err);
}

// The attempt's agent is known to have come so far; never back from "written".
static int report_disk(struct store_conn *conn, struct report_context *report, enum life_disk disk,
                       struct error *err)
{
    if (report->row.disk == DISK_TOUCHED) {
        return 0;
    }
    if (attempt_set_disk(conn, &report->row, disk, err) < 0) {
        return -1;
    }
    return report->life.seq == 0 ? 0 : life_touch(conn, &report->life, err);
}

static int report_step_at(struct store_conn *conn, struct report_context *report, const char *step,
                          struct error *err)
{
    snprintf(report->row.step, sizeof(report->row.step), "%s", step);
    if (sql_run(conn, err, "UPDATE attempts SET step = ?2 WHERE id = ?1", "it", report->row.a.id,
                step) < 0) {
        return -1;
    }
    return report->life.seq == 0
               ? 0
               : sql_run(conn, err,
                         "UPDATE deployments SET step = ?2, updated_ms = ?3 WHERE seq = ?1", "iti",
                         report->life.seq, step, clock_now_ms());
}

int attempt_contact(struct store_conn *conn, int64_t attempt_id, const char *address, bool *ret_ok,
                    struct error *err)
{
    struct report_context report;
    if (report_begin(conn, attempt_id, &report, err) < 0) {
        return -1;
    }
    *ret_ok = strcmp(report.row.a.address, address) == 0;
    if (!*ret_ok) {
        return attempt_alarm(conn, &report.row, "statusd", err,
                             "%s used the token of the machine at %s", address,
                             report.row.a.address);
    }
    int64_t now = clock_now_ms();
    if (sql_run(conn, err,
                "UPDATE attempts SET last_contact_ms = ?2, silent = 0,"
                " first_contact_ms = CASE first_contact_ms WHEN 0 THEN ?2 ELSE first_contact_ms "
                "END WHERE id = ?1",
                "ii", attempt_id, now) < 0) {
        return -1;
    }
    if (report.row.a.first_contact_ms == 0) {
        char text[80];
        snprintf(text, sizeof(text), "first call from %s", address);
        return report_event(conn, &report, "agent.contact", text, NULL, err);
    }
    return report.row.silent ? report_event(conn, &report, "agent.back", "reports again", NULL, err)
                             : 0;
}

int attempt_init(struct store_conn *conn, int64_t attempt_id, const char *text, struct error *err)
{
    struct report_context report;
    if (report_begin(conn, attempt_id, &report, err) < 0) {
        return -1;
    }
    enum deployment_state state = report.life.state;
    bool stands_by = report.life.seq == 0 || strcmp(text, "standby") == 0;
    if (!stands_by && state >= DEPLOYMENT_RUNNING && state != DEPLOYMENT_FAILING) {
        return 0;
    }
    if (report_event(conn, &report, "agent.init", text, NULL, err) < 0) {
        return -1;
    }
    if (stands_by) {
        return 0;
    }
    if (report_disk(conn, &report, DISK_UNKNOWN, err) < 0) {
        return -1;
    }
    return life_move(conn, &report.life, DEPLOYMENT_RUNNING, "statusd", "", err);
}

int attempt_success(struct store_conn *conn, int64_t attempt_id, const char *text,
                    struct error *err)
{
    struct report_context report;
    if (report_begin(conn, attempt_id, &report, err) < 0) {
        return -1;
    }
    struct life *life = &report.life;
    if (life->seq == 0) {
        return report_event(conn, &report, "agent.success", text, NULL, err);
    }
    if (life->state == DEPLOYMENT_INSTALLED || life->state == DEPLOYMENT_SUCCEEDED) {
        return 0;
    }
    if (life->state != DEPLOYMENT_RUNNING && life->state != DEPLOYMENT_FAILING) {
        return error_set(err, ERROR_CONFLICT, "success of a deployment that is %s",
                         deployment_state_name(life->state));
    }
    if (report_event(conn, &report, "agent.success", text, NULL, err) < 0 ||
        report_disk(conn, &report, DISK_TOUCHED, err) < 0 ||
        life_move(conn, life, DEPLOYMENT_INSTALLED, "statusd", "", err) < 0) {
        return -1;
    }
    return life->phone_home_wanted
               ? 0
               : life_move(conn, life, DEPLOYMENT_SUCCEEDED, "statusd", NULL, err);
}

int attempt_error(struct store_conn *conn, int64_t attempt_id, const char *text, struct error *err)
{
    struct report_context report;
    char step[LIFE_STEP_SIZE];
    if (report_begin(conn, attempt_id, &report, err) < 0) {
        return -1;
    }
    struct life *life = &report.life;
    char reason[DEPLOYMENT_REASON_SIZE];
    life_clean(text, reason, sizeof(reason));
    if (life->state == DEPLOYMENT_FAILING && strcmp(life->reason, reason) == 0) {
        return 0; // its reply was lost
    }
    if (report_event(conn, &report, "agent.error", text, NULL, err) < 0) {
        return -1;
    }
    if (life->seq == 0 || life->state >= DEPLOYMENT_INSTALLED) {
        return 0;
    }
    if (life_step_of_error(text, step)) {
        enum life_disk disk =
            life_step_writes(report.row.step, step) ? DISK_TOUCHED : DISK_UNTOUCHED;
        if (report_disk(conn, &report, disk, err) < 0 ||
            report_step_at(conn, &report, step, err) < 0) {
            return -1;
        }
    }
    return life_move(conn, life, DEPLOYMENT_FAILING, "statusd", text, err);
}

int attempt_step(struct store_conn *conn, int64_t attempt_id, const char *step, struct error *err)
{
    struct report_context report;
    char clean[LIFE_STEP_SIZE];
    life_clean(step, clean, sizeof(clean));
    if (report_begin(conn, attempt_id, &report, err) < 0) {
        return -1;
    }
    if (strcmp(report.row.step, clean) == 0) {
        return 0;
    }
    // A late line of an agent that has finished tells nothing about the disk.
    bool at_work = report.life.seq != 0 && report.life.state < DEPLOYMENT_INSTALLED;
    if (at_work && life_step_writes(report.row.step, clean) &&
        report_disk(conn, &report, DISK_TOUCHED, err) < 0) {
        return -1;
    }
    return report_step_at(conn, &report, clean, err) < 0
               ? -1
               : report_event(conn, &report, "agent.step", clean, NULL, err);
}

int attempt_progress(struct store_conn *conn, int64_t attempt_id, const char *stage, uint64_t bytes,
                     uint64_t total, uint64_t rate, struct error *err)
{
    struct report_context report;
    if (report_begin(conn, attempt_id, &report, err) < 0) {
        return -1;
    }
    int64_t now = clock_now_ms();
    if (report.life.seq != 0 && report.life.state < DEPLOYMENT_INSTALLED &&
        (report_disk(conn, &report, DISK_TOUCHED, err) < 0 ||
         sql_run(conn, err,
                 "UPDATE deployments SET progress_bytes = ?2, progress_total = ?3, updated_ms = ?4 "
                 "WHERE seq = ?1",
                 "iiii", report.life.seq, (int64_t)bytes, (int64_t)total, now) < 0)) {
        return -1;
    }
    if (now - report.row.progress_ms < PROGRESS_PERIOD_MS && (total == 0 || bytes != total)) {
        return 0;
    }
    char clean[LIFE_STEP_SIZE], text[200], data[200];
    life_clean(stage, clean, sizeof(clean));
    snprintf(text, sizeof(text), "%s: %llu of %llu bytes, %llu bytes/s", clean,
             (unsigned long long)bytes, (unsigned long long)total, (unsigned long long)rate);
    snprintf(data, sizeof(data), "{\"bytes\": %llu, \"total\": %llu, \"rate\": %llu}",
             (unsigned long long)bytes, (unsigned long long)total, (unsigned long long)rate);
    if (sql_run(conn, err, "UPDATE attempts SET progress_ms = ?2 WHERE id = ?1", "ii", attempt_id,
                now) < 0) {
        return -1;
    }
    return report_event(conn, &report, "agent.progress", text, data, err);
}

int attempt_boot_id(struct store_conn *conn, int64_t attempt_id, const char *boot_id,
                    struct error *err)
{
    char clean[LIFE_BOOT_ID_SIZE];
    life_clean(boot_id, clean, sizeof(clean));
    return sql_run(conn, err, "UPDATE attempts SET boot_id = ?2 WHERE id = ?1 AND ended = 0", "it",
                   attempt_id, clean);
}

// ---- reports that come too late

static int ended_row(struct store_conn *conn, const struct attempt_row *row, const char *what,
                     int64_t now, struct error *err)
{
    if (row->ended_report_ms != 0 && now - row->ended_report_ms < ENDED_REPORT_PERIOD_MS) {
        return 0;
    }
    char clean[200];
    life_clean(what, clean, sizeof(clean));
    if (sql_run(conn, err, "UPDATE attempts SET ended_report_ms = ?2 WHERE id = ?1", "ii",
                row->a.id, now) < 0) {
        return -1;
    }
    return timeline_addf(conn, row->a.machine_id, row->a.deployment[0] ? row->a.deployment : NULL,
                         "statusd", "agent.ended", err, "%s with an ended token (%s): refused",
                         clean, row->a.ended_why);
}

int attempt_ended_report(struct store_conn *conn, int64_t attempt_id, const char *what,
                         bool stopped, const char *step, struct error *err)
{
    struct report_context report;
    struct attempt_row newest;
    int64_t now = clock_now_ms();
    if (attempt_row_by_id(conn, attempt_id, &report.row, err) < 0 ||
        life_by_seq(conn, report.row.deployment_seq, &report.life, err) < 0 ||
        attempt_row_newest(conn, report.row.deployment_seq, &newest, err) < 0 ||
        ended_row(conn, &report.row, what, now, err) < 0 ||
        sql_run(conn, err, "UPDATE attempts SET last_contact_ms = ?2 WHERE id = ?1", "ii",
                attempt_id, now) < 0) {
        return -1;
    }
    bool awaited = report.life.seq != 0 && report.life.cancel_requested &&
                   !deployment_is_over(report.life.state) && newest.a.id == attempt_id;
    if (!stopped || !awaited) {
        return 0;
    }
    if (step[0] != '\0') {
        enum life_disk disk =
            life_step_writes(report.row.step, step) ? DISK_TOUCHED : DISK_UNTOUCHED;
        if (report_disk(conn, &report, disk, err) < 0 ||
            report_step_at(conn, &report, step, err) < 0) {
            return -1;
        }
    }
    return life_move(conn, &report.life, DEPLOYMENT_CANCELLED, "statusd",
                     "cancelled on request; the agent stopped", err);
}
