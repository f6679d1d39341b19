// SPDX-License-Identifier: Apache-2.0
#pragma once

// A DHCP client for one link that has no address yet, as a state machine without a loop of its own: whoever owns
// it polls its socket and calls it when its time has come. Another half keeps the lease that was taken.

#include "agent/net/dhcp_packet.h"
#include "agent/net/netlink.h"

struct dhcp_client {
    struct link link;
    int fd;
    uint32_t xid;
    int64_t began_ms;
    int64_t next_ms; // monotonic; when dhcp_client_send is due
    unsigned tries;
    bool is_requesting; // an offer was taken
    bool is_bound;
    struct dhcp_answer answer; // the offer, then the lease
};

int dhcp_client_open(const struct link *link, struct dhcp_client *ret_client, struct error *err);
void dhcp_client_close(struct dhcp_client *client);

// Sends what is due and sets next_ms. Not being able to send is not an error: it is tried again.
void dhcp_client_send(struct dhcp_client *client);
// Reads what came; true when the client became bound by it.
bool dhcp_client_receive(struct dhcp_client *client);

// Keep a lease from now on in a thread of its own, until the process ends.
int dhcp_keep(const struct dhcp_client *bound, struct error *err);
