// SPDX-License-Identifier: Apache-2.0

#include "base/mac.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

int mac_parse(const char *text, struct mac *ret_mac, struct error *err)
{
    size_t length = strlen(text);
    char digits[2 * MAC_BYTES + 1] = "";
    if (length == 2 * MAC_BYTES) {
        memcpy(digits, text, length + 1);
    } else if (length == MAC_TEXT_SIZE - 1 && (text[2] == ':' || text[2] == '-')) {
        for (size_t i = 0; i < MAC_BYTES; i++) {
            if (i > 0 && text[3 * i - 1] != text[2]) {
                digits[0] = '\0';
                break;
            }
            memcpy(digits + 2 * i, text + 3 * i, 2);
        }
    }
    struct mac mac;
    if (hex_decode(digits, mac.bytes, MAC_BYTES) < 0) {
        return error_set(err, ERROR_BAD_REQUEST, "not a MAC address: expected aa:bb:cc:dd:ee:ff");
    }
    *ret_mac = mac;
    return 0;
}

void mac_format(const struct mac *mac, char text[MAC_TEXT_SIZE])
{
    (void)snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac->bytes[0],
                   mac->bytes[1], mac->bytes[2], mac->bytes[3], mac->bytes[4], mac->bytes[5]);
}
