// SPDX-License-Identifier: Apache-2.0
#pragma once

// Bringing the network up: every wired link with carrier asks for a lease at the same time, and the first
// lease through which the controller answers is kept. With STATIC_IP in the vars the same is done without asking.

#include "base/error.h"
#include "base/vars.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>

struct network_wish {
    const struct vars *vars; // STATIC_IP, STATIC_GATEWAY, STATIC_IFACE, dns_resolver
    // Is the controller to be reached now? 0 or negative; may take seconds. NULL: any address will do.
    int (*probe)(void *context, struct error *err);
    void *context;
    const char *etc_dir; // where resolv.conf and hosts are written, "/etc"
    int64_t limit_ms;    // then it gives up
};

struct network {
    char iface[IFNAMSIZ];
    struct in_addr address;
};

int network_up(const struct network_wish *wish, struct network *ret_network, struct error *err);

// "10.0.0.7/24"; plain data, for the tests.
int network_parse_cidr(const char *text, struct in_addr *ret_address, uint8_t *ret_prefix,
                       struct error *err);
