// SPDX-License-Identifier: Apache-2.0
#pragma once

// Query parameters and path arguments that several handlers share. Threads: the loop's.

#include "base/error.h"

#include <stdint.h>

struct apid;
struct machine;
struct web_request;

// A decimal number `name` of the query within min..max; `otherwise` when it is absent.
// ERROR_BAD_REQUEST.
int query_number(const struct web_request *request, const char *name, int64_t min, int64_t max,
                 int64_t otherwise, int64_t *ret_number, struct error *err);

// The machine that the path's {name} says. ERROR_NOT_FOUND, also for what cannot be a name. Caller:
// machine_fini.
int query_machine(struct apid *apid, const struct web_request *request, struct machine *ret_machine,
                  struct error *err);
