// SPDX-License-Identifier: Apache-2.0
#pragma once

// imaged.conf in one struct. Filled by imaged_config_load, read by everybody; a reload makes a new
// one. Threads: the loop's.

#include "allow.h"
#include "conf/daemon.h"

#include <stdint.h>
#include <stdio.h>

struct imaged_config {
    struct daemon_settings common;
    char *images_dir;
    struct allow_list allow;
    bool open;              // serve everything allowed without asking whether a deployment wants it
    uint64_t max_blob;      // bytes
    uint64_t keep_free;     // bytes of the file system that the cache leaves alone
    unsigned max_fills;     // blobs fetched at the same time
    unsigned stall_seconds; // an upstream silent for so long is given up
};

int imaged_config_load(const char *path, struct imaged_config *ret_config, struct error *err);
void imaged_config_fini(struct imaged_config *config);
void imaged_config_print(FILE *out);
