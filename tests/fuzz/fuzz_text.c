// SPDX-License-Identifier: Apache-2.0
// bytes.c, uuid.c, mac.c: what is taken is written again as it was, but for case and separators.

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/mac.h"
#include "base/uuid.h"

#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_FREE char *text = strndup((const char *)bytes, length);
    struct uuid uuid;
    struct mac mac;
    uint8_t digest[SHA256_BYTES];
    char again[DIGEST_TEXT_SIZE];
    if (!text) {
        return 0;
    }
    if (uuid_parse(text, &uuid, NULL) == 0) {
        uuid_format(&uuid, again);
        if (strcasecmp(again, text) != 0) {
            abort();
        }
    }
    if (mac_parse(text, &mac, NULL) == 0 && strlen(text) != 12 && strlen(text) != 17) {
        abort();
    }
    if (digest_parse(text, digest, NULL) == 0) {
        digest_format(digest, again);
        if (strcmp(again, text) != 0) {
            abort();
        }
    }
    size_t decoded_length = 0;
    CLEANUP_FREE uint8_t *decoded = base64_decode(text, &decoded_length);
    CLEANUP_FREE char *encoded = decoded ? base64_encode(decoded, decoded_length) : NULL;
    if (encoded && strlen(encoded) != strlen(text)) {
        abort();
    }
    return 0;
}
