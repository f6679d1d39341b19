// SPDX-License-Identifier: Apache-2.0
// leases.c: dnsmasq's file, which holds what clients sent as their names.

#include "base/leases.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static bool each(void *context, const struct lease *lease)
{
    if (lease->expires_s < 0 || memchr(lease->address, '\0', sizeof(lease->address)) == NULL ||
        strspn(lease->address, "0123456789.") != strlen(lease->address)) {
        abort();
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    leases_parse((const char *)bytes, length, each, NULL);
    return 0;
}
