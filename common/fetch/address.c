// SPDX-License-Identifier: Apache-2.0
// The address guard's rule: which addresses the daemons never connect to on somebody else's word.
// It looks at the address of the connection itself, so neither a name nor a spelling can get round
// it. Called by the open-socket callback in transfer.c.

#include "fetch/fetch.h"

#include "base/bytes.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct block4 {
    uint32_t network;
    unsigned bits;
};

// What is not a public unicast address, from IANA's registry of special-purpose addresses.
static const struct block4 private4[] = {
    {0x00000000, 8},  // this network; connects to this host
    {0x0a000000, 8},  // private
    {0x64400000, 10}, // carrier-grade NAT
    {0x7f000000, 8},  // loopback
    {0xa9fe0000, 16}, // link-local, where clouds keep their credentials
    {0xac100000, 12}, // private
    {0xc0000000, 24}, // protocol assignments
    {0xc0000200, 24}, // documentation
    {0xc0586300, 24}, // 6to4 relays
    {0xc0a80000, 16}, // private
    {0xc6120000, 15}, // benchmarks
    {0xc6336400, 24}, // documentation
    {0xcb007100, 24}, // documentation
    {0xe0000000, 4},  // multicast
    {0xf0000000, 4},  // reserved, broadcast
};

static bool is_private4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(private4) / sizeof(private4[0]); i++) {
        uint32_t mask = 0xffffffffU << (32 - private4[i].bits);
        if ((address & mask) == private4[i].network) {
            return true;
        }
    }
    return false;
}

static bool is_private6(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    if (memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0) {
        return is_private4(get_be32(bytes + 12));
    }
    if ((bytes[0] & 0xe0) != 0x20) {
        return true; // global unicast is 2000::/3 and nothing else
    }
    uint32_t front = get_be32(bytes);
    if (front >> 16 == 0x2002) {
        return is_private4(get_be32(bytes + 2)); // 6to4 carries its IPv4 address
    }
    return (front & 0xfffffe00) == 0x20010000     // 2001::/23: Teredo, benchmarks, ORCHID
           || front == 0x20010db8                 // documentation
           || (front & 0xfffff000) == 0x3fff0000; // documentation
}

bool fetch_address_is_private(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return is_private4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        return is_private6(in6.sin6_addr.s6_addr);
    }
    return true;
}
