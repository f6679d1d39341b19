// SPDX-License-Identifier: Apache-2.0
#pragma once

// A change on its way through the writer: what every handler that writes has in common. The
// handler's own struct begins with a struct change; `run` does the work inside the transaction, the
// audit row is written in the same one, and `reply` answers after the commit is on disk. So
// whatever was acknowledged was also audited.

#include "base/error.h"

struct apid;
struct store_conn;
struct web_request;

enum { CHANGE_OBJECT_SIZE = 128 };

struct change {
    struct apid *apid;
    struct web_request *request;
    char who[64];                    // the token's name
    char address[64];                // the client's
    const char *action;              // "machine.put", static
    char object[CHANGE_OBJECT_SIZE]; // what it is done to; `run` may still set it
    // On the writer's thread, may run twice; touches nothing but conn and its own struct.
    int (*run)(struct store_conn *conn, struct change *change, struct error *err);
    // On the loop's thread, once, after the commit.
    void (*reply)(struct change *change);
    // On the loop's thread, instead of the problem reply when the change failed; may be NULL.
    void (*failed)(struct change *change, const struct error *err);
    void (*free)(struct change *change); // last, always
};

// Fill the part that comes from the request.
void change_init(struct change *change, struct apid *apid, struct web_request *request,
                 const char *action, const char *object);
// Hand over to the writer; the change is freed by its own `free` in the end.
void change_start(struct change *change);
