// SPDX-License-Identifier: Apache-2.0
#pragma once

// bootd's configuration: /etc/bootyard/bootd.conf into one struct. Threads: the loop's.

#include "base/error.h"
#include "conf/daemon.h"

enum policy {
    POLICY_LOCAL,    // boot your disk
    POLICY_IGNORE,   // the firmware's next entry
    POLICY_DISCOVER, // the agent, standing by
};

enum arch { ARCH_AMD64, ARCH_ARM64, ARCH_COUNT };

// What the firmware of one architecture is given.
struct arch_config {
    char *kernel, *initramfs; // files
    char *loader;             // an EFI program that starts the disk's own loader; "" none
    char *args;               // of the kernel
};

struct bootd_config {
    struct daemon_settings common;
    struct arch_config arches[ARCH_COUNT];
    char *lease_file; // dnsmasq's; "" none
    enum policy unknown, idle;
    unsigned enrol_per_hour, enrol_max;
    unsigned serves_max, attempts_max, live; // live: seconds
    char *statusd_url;                       // as machines reach it
    char *imaged_url;                        // as bootd reaches it
};

int bootd_config_load(const char *path, struct bootd_config *ret_config, struct error *err);
void bootd_config_fini(struct bootd_config *config);
void bootd_config_print_options(void);

// OCI's name of an architecture; -1 for one that cannot be served.
int arch_parse(const char *name);
const char *arch_name(enum arch arch);
int policy_parse(const char *name, enum policy *ret_policy, struct error *err);

// http://… of this daemon as machines reach it, without a slash at its end. `url` has BASE_URL_SIZE
// bytes.
enum { BASE_URL_SIZE = 512 };
void bootd_config_base_url(const struct bootd_config *config, char url[BASE_URL_SIZE]);
