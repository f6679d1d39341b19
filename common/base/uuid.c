// SPDX-License-Identifier: Apache-2.0

#include "base/uuid.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

int uuid_parse(const char *text, struct uuid *ret_uuid, struct error *err)
{
    char digits[2 * UUID_BYTES + 1];
    size_t used = 0;
    size_t length = strlen(text);
    for (size_t i = 0; i < length && length == UUID_TEXT_SIZE - 1; i++) {
        bool dash_place = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash_place != (text[i] == '-')) {
            break;
        }
        if (!dash_place) {
            digits[used++] = text[i];
        }
    }
    digits[used] = '\0';
    struct uuid uuid;
    if (used != 2 * UUID_BYTES || hex_decode(digits, uuid.bytes, UUID_BYTES) < 0) {
        return error_set(err, ERROR_BAD_REQUEST,
                         "not a UUID: expected 8-4-4-4-12 hexadecimal digits");
    }
    *ret_uuid = uuid;
    return 0;
}

void uuid_format(const struct uuid *uuid, char text[UUID_TEXT_SIZE])
{
    char hex[2 * UUID_BYTES + 1];
    hex_encode(uuid->bytes, UUID_BYTES, hex);
    (void)snprintf(text, UUID_TEXT_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

void uuid_make(struct uuid *ret_uuid)
{
    random_fill(ret_uuid->bytes, UUID_BYTES);
    ret_uuid->bytes[6] = (uint8_t)((ret_uuid->bytes[6] & 0x0f) | 0x40);
    ret_uuid->bytes[8] = (uint8_t)((ret_uuid->bytes[8] & 0x3f) | 0x80);
}

bool uuid_is_zero(const struct uuid *uuid)
{
    static const struct uuid zero;
    return uuid_equal(uuid, &zero);
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, UUID_BYTES) == 0;
}
