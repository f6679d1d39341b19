// SPDX-License-Identifier: Apache-2.0
#pragma once

// imaged's cache index: which content-addressed files are whole and proven, and when they were last
// used.

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store_conn;

struct blob {
    char digest[DIGEST_TEXT_SIZE];
    int64_t size;
    int64_t created_ms, used_ms;
};
int blob_put(struct store_conn *conn, const struct blob *blob, struct error *err);
int blob_get(struct store_conn *conn, const char *digest, struct blob *ret_blob,
             struct error *err); // ERROR_NOT_FOUND
int blob_used(struct store_conn *conn, const char *digest, int64_t when_ms, struct error *err);
int blob_delete(struct store_conn *conn, const char *digest, struct error *err);
// Which repository a blob was fetched from: a hit is checked against it.
int blob_origin_put(struct store_conn *conn, const char *digest, const char *repository,
                    struct error *err);
int blob_has_origin(struct store_conn *conn, const char *digest, const char *repository,
                    bool *ret_has, struct error *err);
