// SPDX-License-Identifier: Apache-2.0
#pragma once

// What imaged counts for /metrics. Threads: any, once made.

struct metric;

struct counters {
    struct metric *upstream_bytes;    // blob bytes received from registries
    struct metric *client_bytes;      // blob bytes sent to clients
    struct metric *cache_hits;        // blob requests answered from the cache
    struct metric *cache_misses;      // blob requests that joined or began a fill
    struct metric *fills;             // fills begun
    struct metric *fills_failed;      // and not finished
    struct metric *fill_resumes;      // an upstream that cut, and was asked for the rest
    struct metric *digest_mismatches; // bytes that were not what their name says
    struct metric *active_fills;      // gauge
    struct metric *stream_clients;    // gauge: clients of fills
};

void counters_init(struct counters *counters);
