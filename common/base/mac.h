// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ethernet addresses (MAC-48): six bytes; text is lower case with colons. Parsing also takes dashes
// and bare digits, as firmware and people write them, but not a mixture.

#include "base/error.h"

#include <stdint.h>

enum { MAC_BYTES = 6, MAC_TEXT_SIZE = 18 };

struct mac {
    uint8_t bytes[MAC_BYTES];
};

int mac_parse(const char *text, struct mac *ret_mac, struct error *err);
void mac_format(const struct mac *mac, char text[MAC_TEXT_SIZE]);
