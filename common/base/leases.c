// SPDX-License-Identifier: Apache-2.0

#include "base/leases.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 };

// dnsmasq writes "06-" and the like before hardware addresses that are not Ethernet's: mac_parse
// refuses those.
static bool lease_parse_line(char *line, struct lease *ret_lease)
{
    char *rest = line;
    const char *expiry = strsep(&rest, " ");
    const char *mac = strsep(&rest, " ");
    const char *address = strsep(&rest, " ");
    if (!expiry || !mac || !address) {
        return false;
    }
    char *end = NULL;
    struct lease lease = {.expires_s = strtoll(expiry, &end, 10)};
    struct in_addr binary;
    if (end == expiry || *end != '\0' || lease.expires_s < 0 || strlen(mac) != MAC_TEXT_SIZE - 1 ||
        mac_parse(mac, &lease.mac, NULL) < 0 || inet_pton(AF_INET, address, &binary) != 1 ||
        !inet_ntop(AF_INET, &binary, lease.address, sizeof(lease.address))) {
        return false;
    }
    *ret_lease = lease;
    return true;
}

void leases_parse(const char *text, size_t length,
                  bool (*each)(void *context, const struct lease *lease), void *context)
{
    for (size_t at = 0; at < length;) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t line_length = newline ? (size_t)(newline - text) - at : length - at;
        char line[LINE_MAX_BYTES];
        struct lease lease;
        if (line_length < sizeof(line)) {
            memcpy(line, text + at, line_length);
            line[line_length] = '\0';
            if (lease_parse_line(line, &lease) && !each(context, &lease)) {
                return;
            }
        }
        at += line_length + 1;
    }
}
