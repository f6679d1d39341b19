// SPDX-License-Identifier: Apache-2.0
#pragma once

// The resolver's files, written from what a lease says.

#include "agent/net/dhcp_packet.h"

// hosts (if there is none) and resolv.conf in `etc_dir`, which is made if it is missing.
int resolver_write(const char *etc_dir, const struct dhcp_answer *lease, struct error *err);

// Name servers out of a list with commas; what is no IPv4 address is left out.
void resolver_parse(const char *list, struct dhcp_answer *lease);
