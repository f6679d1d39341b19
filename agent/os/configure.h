// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the agent leaves in a target: host name, phone-home, stamp. `root` is a descriptor of the
// mounted root folder; everything is written inside it (tree.h).

#include "agent/os/stamp.h"

#include <stdbool.h>

// Letters, digits, dots and dashes, 64 bytes at most (the kernel's limit).
bool hostname_is_valid(const char *hostname);

// /etc/hostname, and the 127.0.1.1 line of /etc/hosts.
int configure_hostname(int root, const char *hostname, struct error *err);

// /etc/hosts with its 127.0.1.1 line naming `hostname`: the old one's place, else behind the last
// line.
int hosts_with_name(const char *hosts, size_t length, const char *hostname, struct strbuf *out,
                    struct error *err);

struct phone_home_setup {
    const char *url;
    const char *token;
    const char *ca_file;    // ours, copied if it exists
    const char *agent_file; // ours, copied
};

// The agent's own program, its unit (enabled), and its configuration with the token.
int configure_phone_home(int root, const struct phone_home_setup *setup, struct error *err);

// The stamp; nothing is written into the target after it.
int configure_stamp(int root, const struct stamp *stamp, struct error *err);

// Read it back, in the same or another life. ERROR_NOT_FOUND if there is none.
int configure_read_stamp(int root, struct stamp *ret_stamp, struct error *err);
