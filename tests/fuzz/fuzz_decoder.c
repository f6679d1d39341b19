// SPDX-License-Identifier: Apache-2.0
// decoder.c: an image's bytes before any digest was compared. Whether they come whole or byte by byte, and whether the
// room for what comes out is large or small, the outcome is the same. Input: the format, the step, the bytes.

#include "agent/image/decoder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 256 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct outcome {
    uint8_t out[OUT_MAX];
    size_t length;
    bool is_full; // more would come: what follows was not looked at
    bool is_good;
};

static struct outcome whole;
static struct outcome pieces;

static void decode(enum image_format format, const uint8_t *bytes, size_t length, size_t step, size_t room,
                   struct outcome *outcome)
{
    outcome->length = 0;
    outcome->is_full = false;
    outcome->is_good = false;
    struct decoder *decoder = decoder_new(format, NULL);
    if (!decoder) {
        abort();
    }
    int result = 0;
    for (size_t at = 0; at < length && result == 0 && !outcome->is_full; at += step) {
        const uint8_t *in = bytes + at;
        size_t in_left = length - at < step ? length - at : step;
        bool is_filled = true;
        while (result == 0 && (in_left > 0 || is_filled) && !outcome->is_full) {
            size_t left = OUT_MAX - outcome->length;
            uint8_t *out = outcome->out + outcome->length;
            size_t out_left = left < room ? left : room;
            result = decoder_run(decoder, &in, &in_left, &out, &out_left, NULL);
            outcome->length = (size_t)(out - outcome->out);
            is_filled = out_left == 0;
            outcome->is_full = outcome->length == OUT_MAX;
        }
    }
    outcome->is_good = result == 0 && decoder_finish(decoder, NULL) == 0;
    decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length < 2) {
        return 0;
    }
    size_t step = 1 + bytes[1] % 64;
    enum image_format format = (enum image_format)(bytes[0] % 3 + IMAGE_FORMAT_RAW);
    (void)image_format_detect(bytes + 2, length - 2, &format, NULL);
    decode(format, bytes + 2, length - 2, length, OUT_MAX, &whole);
    decode(format, bytes + 2, length - 2, step, step * 100, &pieces);
    if (whole.is_full || pieces.is_full) {
        return 0;
    }
    // In pieces, libzstd takes a frame with an empty last block that has fewer bytes than its header says; the digests
    // are what finds that out.
    if (whole.is_good != pieces.is_good && format != IMAGE_FORMAT_ZSTD) {
        abort();
    }
    if (whole.is_good && pieces.is_good &&
        (whole.length != pieces.length || memcmp(whole.out, pieces.out, whole.length) != 0)) {
        abort();
    }
    return 0;
}
