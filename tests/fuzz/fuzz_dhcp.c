// SPDX-License-Identifier: Apache-2.0
// dhcp_packet.c: whoever is on the link may answer the agent's DISCOVER. The input is an IP packet, or with an odd first
// byte the UDP payload alone; the question was 0x12345678 of 02:00:00:00:00:01.

#include "agent/net/dhcp_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check(const struct dhcp_answer *answer)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    if (answer->dns_count > DHCP_DNS_MAX || answer->route_count > DHCP_ROUTES_MAX || answer->prefix > 32 ||
        !memchr(answer->domain, '\0', sizeof(answer->domain)) ||
        strspn(answer->domain, letters) != strlen(answer->domain)) {
        abort();
    }
    for (size_t i = 0; i < answer->route_count; i++) {
        if (answer->routes[i].prefix > 32) {
            abort();
        }
    }
    if (answer->type != DHCP_OFFER && answer->type != DHCP_ACK && answer->type != DHCP_NAK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct mac mac = {{0x02, 0, 0, 0, 0, 0x01}};
    struct dhcp_answer answer;
    if (length == 0) {
        return 0;
    }
    int result = bytes[0] % 2 != 0
                     ? dhcp_parse(bytes + 1, length - 1, 0x12345678, &mac, &answer, NULL)
                     : dhcp_parse_packet(bytes + 1, length - 1, 0x12345678, &mac, &answer, NULL);
    if (result == 0) {
        check(&answer);
    }
    return 0;
}
