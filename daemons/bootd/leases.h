// SPDX-License-Identifier: Apache-2.0
#pragma once

// dnsmasq's lease file, read again when it has changed. Threads: the loop's.

#include "store/machine.h"

#include <sys/stat.h>

struct lease_reader {
    char *text; // owned; NULL: nothing read yet
    size_t length;
    struct stat read; // the file that `text` is from
    bool is_missing;  // said so already
};

void lease_reader_fini(struct lease_reader *reader);

// Is `address` one of the machine's: an enum address_claim (store/attempt.h); CLAIM_UNKNOWN without a
// file, or for a machine whose MACs are not known.
int lease_reader_ask(struct lease_reader *reader, const char *path, const char *address,
                     const struct mac *macs, unsigned mac_count);
