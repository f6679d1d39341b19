// SPDX-License-Identifier: Apache-2.0
#pragma once

// A client of a fill: gives it the released bytes of a part of the blob as they come, and breaks
// its connection when the fill fails. Threads: the loop's.

#include <stdint.h>

struct counters;
struct fill;
struct service;
struct web_request;

struct stream_part {
    uint64_t offset;
    int64_t length; // -1: to the end, which is not known yet
    int status;     // 200 or 206
    const char *type;
};

// Reply to `request` (other headers are set already). Takes its own reference to the fill.
void stream_reply(struct web_request *request, struct fill *fill, const struct stream_part *part,
                  struct service *service, struct counters *counters);
