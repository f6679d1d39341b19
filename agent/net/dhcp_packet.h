// SPDX-License-Identifier: Apache-2.0
#pragma once

// DHCP messages as bytes (RFC 2131, 2132, 3442): what the client sends, and what it believes of an answer.
// No I/O and no state, so that tests and a fuzzer can feed it anything. Addresses are in network order.

#include "base/error.h"
#include "base/mac.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DHCP_PACKET_MAX = 1500, // IP packet
    DHCP_DNS_MAX = 3,
    DHCP_ROUTES_MAX = 16,
    DHCP_DOMAIN_SIZE = 254,
};

enum dhcp_type {
    DHCP_DISCOVER = 1,
    DHCP_OFFER = 2,
    DHCP_REQUEST = 3,
    DHCP_ACK = 5,
    DHCP_NAK = 6,
};

struct dhcp_route {
    struct in_addr network;
    struct in_addr gateway; // 0: on the link
    uint8_t prefix;
};

struct dhcp_answer {
    enum dhcp_type type; // OFFER, ACK or NAK
    struct in_addr address;
    struct in_addr server; // identifier; 0 if the server gave none
    struct in_addr dns[DHCP_DNS_MAX];
    size_t dns_count;
    struct dhcp_route routes[DHCP_ROUTES_MAX]; // the default route has prefix 0
    size_t route_count;
    char domain[DHCP_DOMAIN_SIZE]; // letters, digits, dots and dashes only; "" if none
    uint32_t lease_s;              // UINT32_MAX: for ever
    uint32_t renew_s;              // T1, half of the lease when not given
    uint16_t mtu;                  // 0: not given
    uint8_t prefix;
};

struct dhcp_question {
    enum dhcp_type type; // DISCOVER or REQUEST
    uint32_t xid;
    uint16_t seconds; // since the client began
    struct mac mac;
    struct in_addr requested; // of the offer, 0: none
    struct in_addr server;    // of the offer, 0: none
    struct in_addr current;   // ciaddr, for a renewal
};

// The UDP payload; `buffer` has at least 576 bytes. Returns its length.
size_t dhcp_build(const struct dhcp_question *question, uint8_t *buffer);
// The same in an IP packet from 0.0.0.0 to everybody, for a link without address.
size_t dhcp_build_packet(const struct dhcp_question *question, uint8_t *buffer);

// A UDP payload that answers `xid` of `mac`. ERROR_NOT_FOUND: somebody else's message. ERROR_BAD_REQUEST: malformed.
int dhcp_parse(const uint8_t *bytes, size_t length, uint32_t xid, const struct mac *mac,
               struct dhcp_answer *ret_answer, struct error *err);
// The same out of an IP packet. UDP's checksum is not looked at: a virtual NIC may leave it to hardware that is not there.
int dhcp_parse_packet(const uint8_t *bytes, size_t length, uint32_t xid, const struct mac *mac,
                      struct dhcp_answer *ret_answer, struct error *err);
