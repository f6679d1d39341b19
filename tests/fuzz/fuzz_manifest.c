// SPDX-License-Identifier: Apache-2.0
// Whatever a registry sends as a manifest: what is chosen from it is a digest and nothing else.

#include "fuzz.h"

#include "../../daemons/imaged/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    enum manifest_kind kind;
    char media_type[MEDIA_TYPE_SIZE];
    char digest[DIGEST_TEXT_SIZE];
    struct manifest_layer layer;
    if (manifest_read_kind(bytes, size, &kind, media_type, NULL) == 0) {
        fuzz_check(media_type[0] && !strpbrk(media_type, "\r\n "));
    }
    if (manifest_choose_platform(bytes, size, "amd64", digest, NULL) == 0) {
        fuzz_check(digest_is_valid(digest));
    }
    if (manifest_choose_layer(bytes, size, NULL, &layer, NULL) == 0) {
        fuzz_check(digest_is_valid(layer.digest) && layer.size > 0);
    }
    return 0;
}
