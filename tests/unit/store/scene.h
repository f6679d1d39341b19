// SPDX-License-Identifier: Apache-2.0
#pragma once

// A machine with a deployment, and the events of their life, for the tests of the state machine.
// Include before tap.h. The clock is the test's own: the linker puts __wrap_clock_now_ms in the
// real one's place.

#include "store/attempt.h"
#include "store/deployment.h"
#include "store/store.h"

enum { MINUTE = 60000, DAY = 24 * 60 * MINUTE, FOREIGN = -2, UNKNOWN = -1, NOT_OWN = 0, OWN = 1 };

extern int64_t test_now; // what the store takes for the time
extern const struct boot_settings boot;
extern const struct sweep_settings sweep;
extern const char here[], elsewhere[]; // the machine's address, and a stranger's

// A machine with a deployment, and what the last events left.
struct scene {
    struct store_conn *conn;
    struct machine machine;
    struct deployment deployment;
    struct attempt attempt;
    char token[TOKEN_TEXT_SIZE], phone_home_token[TOKEN_TEXT_SIZE];
    enum boot_answer answer;
    char reason[DEPLOYMENT_REASON_SIZE];
    struct attempt_refusal refused;
    struct error err;
};

void must(struct scene *s, int r, const char *what); // bails out
void scene_init(struct scene *s, struct store_conn *conn, bool deploy);

// What the DB says now.
const char *state(struct scene *s);
struct deployment current(struct scene *s);
bool touched(struct scene *s);
int64_t rows(struct scene *s, const char *kind); // of the timeline, of a kind; "" all

// Events: 0 or negative, s->err then says why.
int begin(struct scene *s);
int ask(struct scene *s, const char *address, int claim);
int fetch_from(struct scene *s, const char *address, int claim);
int serve(struct scene *s);
int stranger(struct scene *s);
int archive(struct scene *s);
int contact(struct scene *s);
int init(struct scene *s);
int success(struct scene *s);
int early_error(struct scene *s);
int step_wipe(struct scene *s);
int progress(struct scene *s);
int phone_home(struct scene *s);
int cancel(struct scene *s);
int begin_again(struct scene *s);
int sweep_now(struct scene *s);
int sweep_late(struct scene *s);

// By events, from pending.
void reach(struct scene *s, enum deployment_state wanted);

// The tests of a program in one transaction on a fresh DB.
int scene_main(void (*tests)(struct store_conn *conn));
