// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deployments: one wish to bring a machine into a mode, and its state machine (DESIGN.md, "A
// deployment's life"). All changes of state are here and in attempt.h, each writes its timeline
// event in the same transaction; a change that the table does not allow is ERROR_CONFLICT. One
// deployment of a machine is the current one: the newest.

#include "base/bytes.h"
#include "base/error.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_conn;

enum deployment_state {
    DEPLOYMENT_PENDING,
    DEPLOYMENT_BOOTING,
    DEPLOYMENT_RUNNING,
    DEPLOYMENT_FAILING,
    DEPLOYMENT_INSTALLED,
    DEPLOYMENT_SUCCEEDED,
    DEPLOYMENT_FAILED,
    DEPLOYMENT_CANCELLED,
};
const char *deployment_state_name(enum deployment_state state);
bool deployment_is_over(enum deployment_state state); // succeeded, failed, cancelled

enum {
    DEPLOYMENT_URL_SIZE = 1024,
    DEPLOYMENT_HOSTNAME_SIZE = 254,
    DEPLOYMENT_REASON_SIZE = 1000,
    DEPLOYMENT_VARS_MAX = 65536
};

struct deployment {
    char id[UUID_TEXT_SIZE]; // made by deployment_begin
    int64_t machine_id;
    char mode[24];                       // "provision" (others in later issues)
    char image_url[DEPLOYMENT_URL_SIZE]; // as asked for
    char digest[DIGEST_TEXT_SIZE]; // of what the URL names: pinned; "" only when unknown and the
                                   // URL is http(s)
    char raw_digest[DIGEST_TEXT_SIZE];   // of the decompressed disk, or ""
    char layer_digest[DIGEST_TEXT_SIZE]; // of the bytes that the agent fetches: the pinned layer
                                         // for oci:// (resolved by apid, or by bootd at the first
                                         // serve when the registry did not answer: deployment_pin);
                                         // "" unknown
    int64_t layer_size;                  // bytes, 0 unknown
    char fetch_url[DEPLOYMENT_URL_SIZE]; // what the vars' IMAGE says; "" until pinned
    char media_type[128];                // of the layer, "" unknown
    char hostname[DEPLOYMENT_HOSTNAME_SIZE];
    char *vars;             // JSON object of strings as text, owned; NULL = none
    bool phone_home_wanted; // true unless asked otherwise
    enum deployment_state state;
    char reason[DEPLOYMENT_REASON_SIZE]; // why failing, failed or cancelled
    bool touched; // the disk was, or may have been, written: true from INIT on, false again only
                  // when all agents said that they stopped before the first write
    bool cancel_requested; // a cancel waits for the agent's stop or the loss of contact
    int64_t created_ms, updated_ms;
    int64_t installed_ms; // SUCCESS came; 0 not yet
    unsigned attempts;
    char step[64];                           // last known step of the agent
    uint64_t progress_bytes, progress_total; // last known; 0 unknown
};

void deployment_fini(struct deployment *deployment);

// A new one in `pending`; fills id, state and times. ERROR_CONFLICT while the machine's current one
// is not over. Ends all former attempts and tokens of the machine (fencing), but for one: if the
// machine's live agent stands by, a `reboot` command is queued for it, and its token, which no
// deployment hangs on, is good until the machine asks for its next script.
int deployment_begin(struct store_conn *conn, struct deployment *deployment, struct error *err);

int deployment_by_id(struct store_conn *conn, const char *id, struct deployment *ret_deployment,
                     struct error *err);
// The newest of a machine; ERROR_NOT_FOUND when it never had one.
int deployment_current(struct store_conn *conn, int64_t machine_id,
                       struct deployment *ret_deployment, struct error *err);
int deployment_list(struct store_conn *conn, int64_t machine_id, unsigned limit,
                    int (*each)(void *context, const struct deployment *deployment,
                                struct error *err),
                    void *context, struct error *err);

// Store what an image's name was resolved to. Only once: later calls with another layer_digest are
// ERROR_CONFLICT.
int deployment_pin(struct store_conn *conn, const char *id, const struct deployment *resolved,
                   struct error *err);

// Cancel. From pending or booting without an agent: cancelled at once. With a live agent (contact
// in the last minute): its token is ended, cancel_requested is set and the state becomes cancelled
// when the agent stopped or fell silent (attempt_sweep). From an over state: ERROR_CONFLICT.
int deployment_cancel(struct store_conn *conn, const char *id, struct deployment *ret_deployment,
                      struct error *err);

// Is `digest` the layer (or the manifest) of a deployment that is not over, and does `names` say of
// its image's URLs (as asked for, and as machines fetch it) that they are the right ones? imaged
// serves it without a credential then.
int deployment_wants_digest(struct store_conn *conn, const char *digest,
                            bool (*names)(void *context, const char *image_url,
                                          const char *fetch_url),
                            void *context, bool *ret_wanted, struct error *err);

// How many machines' current deployments are in each state: ret_counts[state], `size` of them.
int deployment_counts(struct store_conn *conn, int64_t *ret_counts, size_t size, struct error *err);
