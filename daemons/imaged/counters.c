// SPDX-License-Identifier: Apache-2.0
// imaged's metrics by name. Called once by imaged.c.

#include "counters.h"

#include "service/metrics.h"

void counters_init(struct counters *counters)
{
    *counters = (struct counters){
        .upstream_bytes = metric_new("imaged", "upstream_bytes_total", METRIC_COUNTER,
                                     "Bytes of blobs received from registries.", NULL),
        .client_bytes = metric_new("imaged", "client_bytes_total", METRIC_COUNTER,
                                   "Bytes of blobs sent to clients.", NULL),
        .cache_hits = metric_new("imaged", "cache_hits_total", METRIC_COUNTER,
                                 "Blob requests answered from the cache.", NULL),
        .cache_misses = metric_new("imaged", "cache_misses_total", METRIC_COUNTER,
                                   "Blob requests that had to wait for a registry.", NULL),
        .fills = metric_new("imaged", "fills_total", METRIC_COUNTER,
                            "Fetches of blobs that were begun.", NULL),
        .fills_failed = metric_new("imaged", "fills_failed_total", METRIC_COUNTER,
                                   "Fetches of blobs that failed.", NULL),
        .fill_resumes = metric_new("imaged", "fill_resumes_total", METRIC_COUNTER,
                                   "Times that a registry was asked for the rest of a blob.", NULL),
        .digest_mismatches = metric_new("imaged", "digest_mismatches_total", METRIC_COUNTER,
                                        "Contents that did not match their digest.", NULL),
        .active_fills =
            metric_new("imaged", "active_fills", METRIC_GAUGE, "Blobs being fetched now.", NULL),
        .stream_clients = metric_new("imaged", "stream_clients", METRIC_GAUGE,
                                     "Clients of blobs that are being fetched now.", NULL),
    };
}
