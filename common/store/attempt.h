// SPDX-License-Identifier: Apache-2.0
#pragma once

// Boot attempts and their tokens (DESIGN.md, "Attempts and tokens", "Fencing", "Never installed
// twice"). bootd serves and hands out archives, statusd takes the reports. Tokens are stored as
// SHA-256 hashes only. Every function writes its timeline events and the deployment's state in the
// caller's transaction.

#include "store/deployment.h"
#include "store/machine.h"

#include <stdbool.h>
#include <stdint.h>

struct store_conn;

enum { ATTEMPT_KEY_SIZE = TOKEN_TEXT_SIZE, ATTEMPT_ADDRESS_SIZE = 46 };

struct attempt {
    int64_t id;
    char key[ATTEMPT_KEY_SIZE]; // unguessable, in the archive's URL
    int64_t machine_id;
    char deployment[UUID_TEXT_SIZE];    // "" for an agent that only stands by (discover)
    char address[ATTEMPT_ADDRESS_SIZE]; // that fetched the archive (before that: the script),
                                        // numeric
    bool has_token;                     // the archive was fetched
    int64_t first_contact_ms, last_contact_ms; // of the agent at statusd; 0 none
    bool ended;
    char ended_why[64];
    unsigned serves; // scripts served in this attempt that count towards a failure
    int64_t created_ms;
};

// Messages about one attempt come more than once and late (a reply was lost, a log line follows
// SUCCESS): that is harmless everywhere below. A function for a report on an ended attempt returns
// ERROR_CONFLICT and changes nothing: attempt_ended_report is for those.

// ---- bootd

enum boot_answer {
    BOOT_AGENT, // ret_attempt is filled: script with kernel, initramfs, archive
    BOOT_DISK,  // boot your disk
    BOOT_WAIT,  // somebody else than the live agent asks, or nothing may be done now: a script that
                // waits a minute and asks again; reason in ret_reason
    BOOT_REASON, // failed or cancelled after the first write: show the reason, ask again every
                 // minute
    BOOT_POLICY, // no deployment, or deprovisioned: the machine's or the yard's policy decides
};

struct boot_settings {
    unsigned serves_max;   // serves without agent contact before the deployment fails (default 10)
    unsigned attempts_max; // attempts of one deployment that reached an agent (default 5)
    unsigned live_ms;      // an agent that reported so recently is alive (default 60,000)
};

// What the lease file says about an address that asks for a machine.
enum address_claim {
    CLAIM_FOREIGN = -2, // it is another MAC's, or the machine has another one
    CLAIM_UNKNOWN = -1, // there is no lease source: the first address of the attempt counts
    CLAIM_UNLEASED = 0, // nothing: the address may be a fixed one
    CLAIM_OWN = 1,      // it is one of the machine's
};

// The machine's firmware asks for its script from `address`; `address_is_machines` is an enum
// address_claim. Decides by the table of states and answers; opens or reuses the attempt; counts
// serves; pending -> booting.
// - The attempt's own address, or (1), after the agent's first contact: the machine restarted, so a
// new attempt; the old token ends.
// - Any other address changes nothing, gets BOOT_WAIT and is an alarm, whether the agent is alive
// or on its way, as long as something was
//   heard of the attempt in the last five minutes; then, unless the lease file speaks against it,
//   it gets a new attempt.
// - (0) is served, for machines with fixed addresses, but never counts, and gives way to an address
// with (1).
// - (-2) never gets an agent's script nor an archive.
int attempt_serve(struct store_conn *conn, const struct machine *machine, const char *address,
                  int address_is_machines, const struct boot_settings *settings,
                  enum boot_answer *ret_answer, struct attempt *ret_attempt,
                  char ret_reason[DEPLOYMENT_REASON_SIZE], struct error *err);

// Policy `discover`: an attempt without deployment, for an agent that stands by. BOOT_AGENT, or
// BOOT_WAIT when somebody else than the live agent asks. ERROR_CONFLICT while a deployment is
// active.
int attempt_serve_standby(struct store_conn *conn, const struct machine *machine,
                          const char *address, int address_is_machines,
                          const struct boot_settings *settings, enum boot_answer *ret_answer,
                          struct attempt *ret_attempt, char ret_reason[DEPLOYMENT_REASON_SIZE],
                          struct error *err);

// The firmware of `machine` was told something that no deployment decided (a policy, a lack): a
// timeline row "<answer> to <address>: <text>" when it is another one than last time, or after ten
// minutes.
int attempt_told(struct store_conn *conn, const struct machine *machine, const char *address,
                 const char *answer, const char *text, struct error *err);

// The archive of attempt `key` is fetched: a fresh agent token and phone-home token replace those
// of an earlier fetch of the same attempt; ret_* have TOKEN_TEXT_SIZE. Allowed for the address that
// got the script (or, before the first fetch, one that the lease file gives to the machine), and
// again from that address until the agent's first contact. A refusal (ERROR_NOT_FOUND unknown key;
// ERROR_CONFLICT ended or already in use; ERROR_FORBIDDEN wrong address) writes an alarm that must
// be committed: the function returns 0 with *ret_refused filled.
struct attempt_refusal {
    enum error_code code; // ERROR_NONE: not refused
    char message[200];
};
int attempt_fetch_archive(struct store_conn *conn, const char *key, const char *address,
                          int address_is_machines, struct attempt *ret_attempt, char *ret_token,
                          char *ret_phone_home_token, struct attempt_refusal *ret_refused,
                          struct error *err);

// Which attempt an archive's key names; ERROR_NOT_FOUND. For looking only.
int attempt_by_key(struct store_conn *conn, const char *key, struct attempt *ret_attempt,
                   struct error *err);

// ---- statusd

// Whose token is this? Fills attempt. ERROR_UNAUTHORIZED: nobody's. An ended attempt is returned
// with ended = true (the caller answers 409 and calls attempt_ended_report).
int attempt_by_token(struct store_conn *conn, const char *token, struct attempt *ret_attempt,
                     struct error *err);

// A report came with an ended token: a timeline row (at most one a minute an attempt). If its
// deployment waits for the cancel and the report says that the agent stopped (`stopped`), the
// deployment becomes cancelled; `step` "" unknown, else whether the disk was touched is derived
// from it.
int attempt_ended_report(struct store_conn *conn, int64_t attempt_id, const char *what,
                         bool stopped, const char *step, struct error *err);

// Any report: last contact = now, address check. ret_ok false: the token is bound to another
// address (alarm written, commit it).
int attempt_contact(struct store_conn *conn, int64_t attempt_id, const char *address, bool *ret_ok,
                    struct error *err);

// INIT. booting -> running, failing -> running (the same attempt reopened); repeated: nothing
// changes. `standby`: only the timeline.
int attempt_init(struct store_conn *conn, int64_t attempt_id, const char *text, struct error *err);
// SUCCESS. running or failing -> installed; repeated in installed/succeeded: nothing changes.
// Without phone_home_wanted: -> succeeded. Ends nothing: late log lines still come.
int attempt_success(struct store_conn *conn, int64_t attempt_id, const char *text,
                    struct error *err);
// ERROR. running or booting -> failing with reason and step (text "step <name> failed: ...");
// touched is derived from the step.
int attempt_error(struct store_conn *conn, int64_t attempt_id, const char *text, struct error *err);
// A step began ("provisioning step step=<name> ..." log line of ours or BOOTy's): timeline,
// deployment.step, touched.
int attempt_step(struct store_conn *conn, int64_t attempt_id, const char *step, struct error *err);
// Progress of the image; a timeline event at most every 2 s, deployment.progress_* each time.
int attempt_progress(struct store_conn *conn, int64_t attempt_id, const char *stage, uint64_t bytes,
                     uint64_t total, uint64_t rate, struct error *err);

struct phone_home {
    const char *hostname, *boot_id, *machine_id, *address;
};
// ERROR_UNAUTHORIZED unknown token; ERROR_CONFLICT before `installed`, or with the boot id of one
// of the deployment's agents (left by attempt_boot_id); installed -> succeeded; again after
// succeeded: 0, nothing changes. A phone-home token is its deployment's, so that of an earlier
// attempt is good too: the agent of a later one may have found the system installed and left it as
// it was.
int attempt_phone_home(struct store_conn *conn, const char *token, const struct phone_home *report,
                       struct error *err);
// The agent's boot id, from its inventory or its init report's header (Bootyard-Boot-Id).
int attempt_boot_id(struct store_conn *conn, int64_t attempt_id, const char *boot_id,
                    struct error *err);

struct sweep_settings {
    unsigned phone_home_ms; // installed -> failed after (default 30 min)
    unsigned failing_ms;    // failing -> failed without a new INIT after (default 5 min)
    unsigned silent_ms;     // contact is lost after (default 60 s): completes cancels, timeline
                            // "agent.silent"
    unsigned lost_ms;       // running and silent for so long -> failed (default 30 min)
};
// Time passes: statusd calls it every few seconds. One small transaction.
int attempt_sweep(struct store_conn *conn, const struct sweep_settings *settings,
                  struct error *err);
