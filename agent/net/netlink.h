// SPDX-License-Identifier: Apache-2.0
#pragma once

// Links, addresses and routes by rtnetlink(7). One socket asks and waits for its answer; another one only listens
// for changes of links. Functions return after the kernel answered; none waits longer than that.

#include "base/error.h"
#include "base/mac.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINKS_MAX = 64 };

struct link {
    int index;
    char name[IFNAMSIZ];
    struct mac mac;
    bool is_up;
    bool has_carrier;
    bool is_wired; // Ethernet, and not made by software (bridge, bond, dummy); veth counts, for the tests
    bool is_loopback;
    uint32_t mtu;
};

// A socket for the functions below; with `listens` it receives link changes instead (poll it, then netlink_drain).
int netlink_open(bool listens, int *ret_fd, struct error *err);
// Forget what the listening socket received: the list is read afresh anyway.
void netlink_drain(int fd);

int link_list(int fd, struct link links[LINKS_MAX], size_t *ret_count, struct error *err);
int link_up(int fd, int index, struct error *err);
int link_set_mtu(int fd, int index, uint32_t mtu, struct error *err);

int address_add(int fd, int index, struct in_addr address, uint8_t prefix, struct error *err);
int address_delete(int fd, int index, struct in_addr address, uint8_t prefix, struct error *err);
// A route over the link; `gateway` 0: directly. A gateway outside of the subnet is taken as on the link.
int route_add(int fd, int index, struct in_addr network, uint8_t prefix, struct in_addr gateway,
              struct error *err);
