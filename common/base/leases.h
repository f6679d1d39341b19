// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who has which address, from dnsmasq's lease file: a line "expiry mac address name client-id".
// bootd asks whether an address is one of a machine's. IPv6 leases name a DUID instead of a MAC
// and say nothing here. Pure: no I/O. Threads: any.

#include "base/mac.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEASES_FILE_MAX = 4 * 1024 * 1024, LEASE_ADDRESS_SIZE = 46 };

struct lease {
    int64_t expires_s; // as written: seconds since 1970; 0 never
    struct mac mac;
    char address[LEASE_ADDRESS_SIZE]; // IPv4, numeric, canonical
};

// Calls `each` for every lease that can be understood, in the file's order, and skips other lines.
// Stops when `each` returns false.
void leases_parse(const char *text, size_t length,
                  bool (*each)(void *context, const struct lease *lease), void *context);
