// SPDX-License-Identifier: Apache-2.0
#pragma once

// The name of an image as a request gives it: oci://host[:port]/repository[:tag][@digest], or an
// http(s) URL. Only its form is judged here; which registries are allowed is imaged's business.
// Threads: any.

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>

struct image_name {
    bool is_oci;
    bool is_plain_http;
    char digest[DIGEST_TEXT_SIZE]; // "" unless the oci:// name carries one
};

int image_name_parse(const char *url, struct image_name *ret_name, struct error *err);
