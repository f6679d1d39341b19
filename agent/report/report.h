// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the agent tells the controller: status, log lines, progress, heartbeat (CAPRF facts, section 1).
// One sender thread drains a bounded spool, so a dead or slow controller never slows the work. A 409
// from any report means that this attempt is over (DESIGN.md, fencing): report_is_fenced() turns true and
// whoever writes to a disk must stop before the next write. While imaging, the sender posts progress (as
// heartbeat) at least every 5 s, so that a fence is seen in time. Threads: all functions any thread.

#include "base/error.h"
#include "base/vars.h"

#include <stdint.h>

struct report;
struct report_memory;

// Borrowed: `vars` must outlive the report. Starts the sender thread. The vars' URLs may be absent: their calls are then skipped.
// Takes the log's sink: what log_line prints goes to the controller as well.
struct report *report_new(const struct vars *vars, struct error *err);
// The same with a spool and a step's name that outlive this process (init shares them, agent/report/memory.h).
struct report *report_new_on(const struct vars *vars, struct report_memory *memory, struct error *err);
void report_free(struct report *report); // flushes for at most 5 s

bool report_is_fenced(const struct report *report);

// Status posts: block until acknowledged, with retries as the facts say; ERROR_CONFLICT when fenced. `report_success`
// repeats until acknowledged or fenced. Success and error first let the log lines of before go ahead, so that the
// controller's timeline has the order of events; for at most 3 s, since a log endpoint may be dead.
int report_init(struct report *report, const char *text, struct error *err);
int report_success(struct report *report, const char *text, struct error *err);
int report_error(struct report *report, const char *text, struct error *err);

// Post a heartbeat at this period from now on; 0 stops it. 4,000 while imaging, 30,000 in standby.
void report_pulse(struct report *report, int period_ms);

// A step began or ended: a log line in CAPRF's format, never blocks.
void report_step(struct report *report, const char *step, unsigned index, unsigned total);
void report_step_done(struct report *report, const char *step, int64_t duration_ms);

// One log line (already without level), spooled; never blocks. Level is 'I', 'W' or 'E'.
void report_log(struct report *report, char level, const char *text);

// Image progress: kept as the latest, sent by the sender thread about once a second, never blocks.
// The wire form is one log line: "[INFO] progress stage=<stage> bytes=<n> total=<n> rate=<bytes/s>"; `bytes` counts
// raw bytes written, `total` is 0 when unknown.
void report_progress(struct report *report, const char *stage, uint64_t bytes, uint64_t total);

// POST JSON to INVENTORY_URL if the vars have one; not fatal, bounded time.
int report_inventory(struct report *report, const char *json, struct error *err);
