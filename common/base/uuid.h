// SPDX-License-Identifier: Apache-2.0
#pragma once

// UUIDs as 16 bytes in the order in which they are written (RFC 9562 section 4). SMBIOS stores the
// first three fields little endian; whoever reads one there swaps it. Text is lower case.

#include "base/error.h"

#include <stdint.h>

enum { UUID_BYTES = 16, UUID_TEXT_SIZE = 37 };

struct uuid {
    uint8_t bytes[UUID_BYTES];
};

// Accepts both cases, with dashes in their places only.
int uuid_parse(const char *text, struct uuid *ret_uuid, struct error *err);
void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE]);
void uuid_make(struct uuid *ret_uuid); // version 4, random
bool uuid_is_zero(const struct uuid *uuid);
bool uuid_equal(const struct uuid *a, const struct uuid *b);
