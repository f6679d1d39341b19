// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the vars of MODE=provision ask for, checked in one go before anything is touched. Called by
// provision.c.

#include "agent/image/fetch.h"
#include "agent/image/stream.h"
#include "base/vars.h"

struct plan {
    char *url_text; // owned: the URLs below lie in it
    const char *urls[IMAGE_URL_MAX];
    const char
        *bearers[IMAGE_URL_MAX]; // the token where the URL is the controller's own, else NULL
    size_t url_count;
    struct image_expectation expect;
    char image_identity[160]; // the digest that the stamp names
    // From here on borrowed from the vars; NULL when absent or empty.
    const char *deployment;
    const char *hostname;
    const char *disk_device;
    const char *phone_home_url;
    const char *phone_home_token;
    uint64_t disk_bytes_min;
    bool insecure_transport;
};

// ERROR_UNPROCESSABLE names the variable that is wrong.
int plan_read(struct plan *plan, const struct vars *vars, struct error *err);
void plan_fini(struct plan *plan);
