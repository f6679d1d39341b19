// SPDX-License-Identifier: Apache-2.0

// zlib and libzstd behind one small interface for the decoding thread (stream.c).

#include "agent/image/decoder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

// 128 MiB of window, what `zstd --long` asks for without a number.
enum { ZSTD_WINDOW_LOG_MAX = 27, GZIP_WINDOW_BITS = 16 + 15 };

struct decoder {
    enum image_format format;
    ZSTD_DStream *zstd;
    z_stream gzip;
    bool gzip_ready;
    bool begun; // any input at all
    bool whole; // at the end of a member or frame
};

int image_format_parse(const char *text, enum image_format *ret_format, struct error *err)
{
    if (!text || !*text) {
        *ret_format = IMAGE_FORMAT_UNKNOWN;
        return 0;
    }
    for (int format = IMAGE_FORMAT_RAW; format <= IMAGE_FORMAT_ZSTD; format++) {
        if (strcmp(text, image_format_name((enum image_format)format)) == 0) {
            *ret_format = (enum image_format)format;
            return 0;
        }
    }
    return error_set(err, ERROR_UNPROCESSABLE, "image format \"%.20s\" is not supported", text);
}

const char *image_format_name(enum image_format format)
{
    static const char *const names[] = {"unknown", "raw", "gzip", "zstd"};
    return names[format];
}

int image_format_detect(const uint8_t *bytes, size_t length, enum image_format *ret_format,
                        struct error *err)
{
    static const struct {
        uint8_t magic[IMAGE_MAGIC_BYTES];
        size_t length;
        const char *name;
        enum image_format format;
    } magics[] = {
        {{0x1F, 0x8B}, 2, "gzip", IMAGE_FORMAT_GZIP},
        {{0x28, 0xB5, 0x2F, 0xFD}, 4, "zstd", IMAGE_FORMAT_ZSTD},
        {{0xFD, '7', 'z', 'X', 'Z', 0x00}, 6, "xz", IMAGE_FORMAT_UNKNOWN},
        {{0x04, 0x22, 0x4D, 0x18}, 4, "lz4", IMAGE_FORMAT_UNKNOWN},
        {{'B', 'Z', 'h'}, 3, "bzip2", IMAGE_FORMAT_UNKNOWN},
        {{'Q', 'F', 'I', 0xFB}, 4, "qcow2", IMAGE_FORMAT_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        if (length < magics[i].length || memcmp(bytes, magics[i].magic, magics[i].length) != 0) {
            continue;
        }
        if (magics[i].format == IMAGE_FORMAT_UNKNOWN) {
            return error_set(err, ERROR_UNPROCESSABLE, "the image is %s, which is not supported",
                             magics[i].name);
        }
        *ret_format = magics[i].format;
        return 0;
    }
    *ret_format = IMAGE_FORMAT_RAW;
    return 0;
}

struct decoder *decoder_new(enum image_format format, struct error *err)
{
    struct decoder *decoder = calloc(1, sizeof(*decoder));
    if (!decoder) {
        error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    decoder->format = format;
    bool ok = format == IMAGE_FORMAT_RAW;
    if (format == IMAGE_FORMAT_GZIP) {
        decoder->gzip_ready = inflateInit2(&decoder->gzip, GZIP_WINDOW_BITS) == Z_OK;
        ok = decoder->gzip_ready;
    } else if (format == IMAGE_FORMAT_ZSTD) {
        decoder->zstd = ZSTD_createDStream();
        ok = decoder->zstd && !ZSTD_isError(ZSTD_DCtx_setParameter(
                                  decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX));
    }
    if (!ok) {
        error_set(err, ERROR_IO, "no decoder for %s", image_format_name(format));
        decoder_free(decoder);
        return NULL;
    }
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    if (!decoder) {
        return;
    }
    if (decoder->gzip_ready) {
        inflateEnd(&decoder->gzip);
    }
    ZSTD_freeDStream(decoder->zstd);
    free(decoder);
}

static void run_raw(const uint8_t **in, size_t *in_left, uint8_t **out, size_t *out_left)
{
    size_t part = *in_left < *out_left ? *in_left : *out_left;
    memcpy(*out, *in, part);
    *in += part;
    *in_left -= part;
    *out += part;
    *out_left -= part;
}

static int run_gzip(struct decoder *decoder, const uint8_t **in, size_t *in_left, uint8_t **out,
                    size_t *out_left, struct error *err)
{
    z_stream *stream = &decoder->gzip;
    if (decoder->whole && *in_left > 0) { // a next member, or garbage: inflate will say
        inflateReset(stream);
        decoder->whole = false;
    }
    if (decoder->whole) {
        return 0;
    }
    stream->next_in = (Bytef *)(uintptr_t)*in;
    stream->avail_in = (uInt)*in_left;
    stream->next_out = *out;
    stream->avail_out = (uInt)*out_left;
    int result = inflate(stream, Z_NO_FLUSH);
    *in = stream->next_in;
    *in_left = stream->avail_in;
    *out = stream->next_out;
    *out_left = stream->avail_out;
    if (result == Z_STREAM_END) {
        decoder->whole = true;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return error_set(err, ERROR_CORRUPT, "the gzip stream is damaged: %s",
                         stream->msg ? stream->msg : "bad data");
    }
    return 0;
}

static int run_zstd(struct decoder *decoder, const uint8_t **in, size_t *in_left, uint8_t **out,
                    size_t *out_left, struct error *err)
{
    if (decoder->whole && *in_left == 0) {
        return 0; // asked again for output that is not there: that would begin a new frame
    }
    ZSTD_inBuffer input = {.src = *in, .size = *in_left};
    ZSTD_outBuffer output = {.dst = *out, .size = *out_left};
    size_t result = ZSTD_decompressStream(decoder->zstd, &output, &input);
    *in += input.pos;
    *in_left -= input.pos;
    *out += output.pos;
    *out_left -= output.pos;
    if (ZSTD_isError(result)) {
        return error_set(err, ERROR_CORRUPT, "the zstd stream is damaged: %s",
                         ZSTD_getErrorName(result));
    }
    decoder->whole = result == 0;
    return 0;
}

int decoder_run(struct decoder *decoder, const uint8_t **in, size_t *in_left, uint8_t **out,
                size_t *out_left, struct error *err)
{
    decoder->begun = decoder->begun || *in_left > 0;
    switch (decoder->format) {
    case IMAGE_FORMAT_GZIP:
        return run_gzip(decoder, in, in_left, out, out_left, err);
    case IMAGE_FORMAT_ZSTD:
        return run_zstd(decoder, in, in_left, out, out_left, err);
    default:
        run_raw(in, in_left, out, out_left);
        return 0;
    }
}

int decoder_finish(const struct decoder *decoder, struct error *err)
{
    if (!decoder->begun) {
        return error_set(err, ERROR_CORRUPT, "the image is empty");
    }
    if (decoder->format != IMAGE_FORMAT_RAW && !decoder->whole) {
        return error_set(err, ERROR_CORRUPT, "the %s stream ends too early",
                         image_format_name(decoder->format));
    }
    return 0;
}
