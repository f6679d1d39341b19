// SPDX-License-Identifier: Apache-2.0

// The image's pipeline. The first error of any stage ends all others and is the one that the caller
// gets.

#include "agent/image/stream.h"

#include "base/cleanup.h"
#include "agent/image/ring.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVED_SLOTS = 16,
    SERVED_SLOT_BYTES = 256 * 1024,
    RAW_SLOTS = 8,
    RAW_SLOT_BYTES = 1024 * 1024, // = HELD_BYTES: the first slot is the head

    STAGE_FILL = 0,
    STAGE_HASH = 1,
};

_Static_assert((int)RAW_SLOT_BYTES == (int)HELD_BYTES, "the first slot is the disk's first MiB");

struct image_stream {
    struct image_fetch fetch;
    struct image_fetch caller; // as given: its callbacks and context
    struct image_expectation expect;
    struct ring *served;
    struct ring *raw;
    unsigned raw_last; // the writer's stage
    pthread_t threads[3];
    unsigned thread_count;
    struct ring_slot *filling; // fetch thread: the slot that is not full yet

    pthread_mutex_t mutex; // of all below
    struct error error;
    bool failed;
    atomic_bool closing;
    atomic_llong served_size;
    atomic_int format;
};

static void stream_fail(struct image_stream *stream, const struct error *err)
{
    pthread_mutex_lock(&stream->mutex);
    if (!stream->failed) {
        stream->failed = true;
        stream->error = *err;
    }
    pthread_mutex_unlock(&stream->mutex);
    ring_abort(stream->served);
    ring_abort(stream->raw);
}

// 0 if no stage failed, else the first error.
static int stream_error(struct image_stream *stream, struct error *err)
{
    pthread_mutex_lock(&stream->mutex);
    bool failed = stream->failed;
    if (failed && err) {
        *err = stream->error;
    }
    pthread_mutex_unlock(&stream->mutex);
    return failed ? -1 : 0;
}

// --- fetch

static bool fetch_is_stopped(void *context)
{
    struct image_stream *stream = context;
    return atomic_load(&stream->closing) || ring_is_aborted(stream->served) ||
           stream->caller.is_stopped(stream->caller.context);
}

static int fetch_begin(void *context, int64_t total, struct error *err)
{
    struct image_stream *stream = context;
    atomic_store(&stream->served_size, total);
    return 0;
}

static int fetch_consume(void *context, const uint8_t *data, size_t length, struct error *err)
{
    struct image_stream *stream = context;
    while (length > 0) {
        if (!stream->filling) {
            stream->filling = ring_take(stream->served, STAGE_FILL);
            if (!stream->filling) {
                return error_set(err, ERROR_CONFLICT, "stopped");
            }
            stream->filling->length = 0;
        }
        struct ring_slot *slot = stream->filling;
        size_t room = SERVED_SLOT_BYTES - slot->length;
        size_t part = length < room ? length : room;
        memcpy(slot->data + slot->length, data, part);
        slot->length += part;
        data += part;
        length -= part;
        if (slot->length == SERVED_SLOT_BYTES) {
            stream->filling = NULL;
            ring_pass(stream->served, STAGE_FILL);
        }
    }
    return 0;
}

static void fetch_notice(void *context, const char *text)
{
    struct image_stream *stream = context;
    if (stream->caller.notice) {
        stream->caller.notice(stream->caller.context, text);
    }
}

static int digest_compare(const char *what, const char *expected, const char *got,
                          struct error *err)
{
    if (strcmp(expected, got) == 0) {
        return 0;
    }
    return error_set(err, ERROR_CORRUPT,
                     "the image's digest does not match: the %s bytes should have %s, but have %s",
                     what, expected, got);
}

static void *fetch_thread(void *context)
{
    struct image_stream *stream = context;
    struct error err = {0};
    uint8_t digest[SHA256_BYTES];
    char text[DIGEST_TEXT_SIZE];
    if (image_fetch_run(&stream->fetch, digest, &err) < 0) {
        stream_fail(stream, &err);
        return NULL;
    }
    digest_format(digest, text);
    if (stream->expect.served_digest[0] &&
        digest_compare("served", stream->expect.served_digest, text, &err) < 0) {
        stream_fail(stream, &err);
        return NULL;
    }
    if (stream->filling) {
        ring_pass(stream->served, STAGE_FILL);
    }
    ring_end(stream->served);
    return NULL;
}

// --- decode

struct decoding {
    struct image_stream *stream;
    struct decoder *decoder;
    struct ring_slot *out; // not full yet
};

// A slot to write to, a new one when the last is full. NULL: stopped.
static struct ring_slot *decoding_slot(struct decoding *decoding)
{
    if (decoding->out && decoding->out->length == RAW_SLOT_BYTES) {
        decoding->out = NULL;
        ring_pass(decoding->stream->raw, STAGE_FILL);
    }
    if (!decoding->out) {
        decoding->out = ring_take(decoding->stream->raw, STAGE_FILL);
        if (decoding->out) {
            decoding->out->length = 0;
        }
    }
    return decoding->out;
}

static int decode_piece(struct decoding *decoding, const uint8_t *in, size_t in_left,
                        struct error *err)
{
    bool filled = true;
    while (in_left > 0 || filled) {
        struct ring_slot *slot = decoding_slot(decoding);
        if (!slot) {
            return error_set(err, ERROR_CONFLICT, "stopped");
        }
        uint8_t *out = slot->data + slot->length;
        size_t room = RAW_SLOT_BYTES - slot->length;
        size_t out_left = room;
        if (decoder_run(decoding->decoder, &in, &in_left, &out, &out_left, err) < 0) {
            return -1;
        }
        slot->length += room - out_left;
        filled = out_left == 0;
    }
    return 0;
}

static int decoding_begin(struct decoding *decoding, const struct ring_slot *first,
                          struct error *err)
{
    struct image_stream *stream = decoding->stream;
    enum image_format format = stream->expect.format;
    if (format == IMAGE_FORMAT_UNKNOWN &&
        image_format_detect(first->data, first->length, &format, err) < 0) {
        return -1;
    }
    atomic_store(&stream->format, format);
    decoding->decoder = decoder_new(format, err);
    return decoding->decoder ? 0 : -1;
}

static int decode_all(struct decoding *decoding, struct error *err)
{
    struct image_stream *stream = decoding->stream;
    for (;;) {
        struct ring_slot *slot = ring_take(stream->served, 1);
        if (!slot) {
            break;
        }
        if (!decoding->decoder && decoding_begin(decoding, slot, err) < 0) {
            return -1;
        }
        if (decode_piece(decoding, slot->data, slot->length, err) < 0) {
            return -1;
        }
        ring_pass(stream->served, 1);
    }
    if (ring_is_aborted(stream->served)) {
        return error_set(err, ERROR_CONFLICT, "stopped");
    }
    if (!decoding->decoder) {
        return error_set(err, ERROR_CORRUPT, "the image is empty");
    }
    if (decoder_finish(decoding->decoder, err) < 0) {
        return -1;
    }
    if (decoding->out && decoding->out->length > 0) {
        ring_pass(stream->raw, STAGE_FILL);
    }
    ring_end(stream->raw);
    return 0;
}

static void *decode_thread(void *context)
{
    struct image_stream *stream = context;
    struct decoding decoding = {.stream = stream};
    struct error err = {0};
    if (decode_all(&decoding, &err) < 0) {
        stream_fail(stream, &err);
    }
    decoder_free(decoding.decoder);
    return NULL;
}

// --- digest of the raw bytes

static int hash_all(struct image_stream *stream, EVP_MD_CTX *hash, struct error *err)
{
    const EVP_MD *algorithm =
        strcmp(stream->expect.raw_algorithm, "sha512") == 0 ? EVP_sha512() : EVP_sha256();
    if (!hash || EVP_DigestInit_ex(hash, algorithm, NULL) != 1) {
        return error_set(err, ERROR_IO, "%s is not available", stream->expect.raw_algorithm);
    }
    struct ring_slot *slot = ring_take(stream->raw, STAGE_HASH);
    while (slot) {
        EVP_DigestUpdate(hash, slot->data, slot->length);
        ring_pass(stream->raw, STAGE_HASH);
        slot = ring_take(stream->raw, STAGE_HASH);
    }
    if (ring_is_aborted(stream->raw)) {
        return error_set(err, ERROR_CONFLICT, "stopped");
    }
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    char text[EVP_MAX_MD_SIZE * 2 + 1];
    EVP_DigestFinal_ex(hash, digest, &length);
    hex_encode(digest, length, text);
    return digest_compare("decompressed", stream->expect.raw_hex, text, err);
}

static void *hash_thread(void *context)
{
    struct image_stream *stream = context;
    struct error err = {0};
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    if (hash_all(stream, hash, &err) < 0) {
        stream_fail(stream, &err);
    }
    EVP_MD_CTX_free(hash);
    return NULL;
}

// --- the caller's side

static int start_threads(struct image_stream *stream, struct error *err)
{
    void *(*const mains[])(void *) = {fetch_thread, decode_thread, hash_thread};
    unsigned wanted = stream->raw_last == 2 ? 3 : 2;
    for (unsigned i = 0; i < wanted; i++) {
        int number = pthread_create(&stream->threads[i], NULL, mains[i], stream);
        if (number != 0) {
            return error_errno(err, number, "starting a thread");
        }
        stream->thread_count++;
    }
    return 0;
}

struct image_stream *image_stream_open(const struct image_fetch *fetch,
                                       const struct image_expectation *expect, struct error *err)
{
    struct image_stream *stream = calloc(1, sizeof(*stream));
    if (!stream) {
        error_set(err, ERROR_IO, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&stream->mutex, NULL);
    atomic_store(&stream->served_size, -1);
    stream->caller = *fetch;
    stream->fetch = *fetch;
    stream->fetch.is_stopped = fetch_is_stopped;
    stream->fetch.begin = fetch_begin;
    stream->fetch.consume = fetch_consume;
    stream->fetch.notice = fetch_notice;
    stream->fetch.context = stream;
    stream->fetch.proves_whole = expect->served_digest[0] || expect->raw_algorithm[0];
    stream->expect = *expect;
    stream->raw_last = expect->raw_algorithm[0] ? 2 : 1;
    stream->served = ring_new(SERVED_SLOTS, SERVED_SLOT_BYTES, 2);
    stream->raw = ring_new(RAW_SLOTS, RAW_SLOT_BYTES, stream->raw_last + 1);
    if (!stream->served || !stream->raw) {
        error_set(err, ERROR_IO, "no memory for the image's buffers");
        image_stream_close(stream);
        return NULL;
    }
    if (start_threads(stream, err) < 0) {
        image_stream_close(stream);
        return NULL;
    }
    return stream;
}

static void join_threads(struct image_stream *stream)
{
    for (unsigned i = 0; i < stream->thread_count; i++) {
        pthread_join(stream->threads[i], NULL);
    }
    stream->thread_count = 0;
}

void image_stream_close(struct image_stream *stream)
{
    if (!stream) {
        return;
    }
    atomic_store(&stream->closing, true);
    if (stream->served) {
        ring_abort(stream->served);
    }
    if (stream->raw) {
        ring_abort(stream->raw);
    }
    join_threads(stream);
    ring_free(stream->served);
    ring_free(stream->raw);
    pthread_mutex_destroy(&stream->mutex);
    free(stream);
}

int image_stream_head(struct image_stream *stream, const uint8_t **ret_head, size_t *ret_length,
                      struct error *err)
{
    // Not passed: image_stream_write gets the same slot again.
    struct ring_slot *slot = ring_take(stream->raw, stream->raw_last);
    if (!slot) {
        return stream_error(stream, err) < 0 ? -1
                                             : error_set(err, ERROR_CORRUPT, "the image is empty");
    }
    *ret_head = slot->data;
    *ret_length = slot->length;
    return 0;
}

int64_t image_stream_served_size(const struct image_stream *stream)
{
    return atomic_load(&stream->served_size);
}

enum image_format image_stream_format(const struct image_stream *stream)
{
    return (enum image_format)atomic_load(&stream->format);
}

int image_stream_write(struct image_stream *stream, struct sink *sink,
                       void (*progress)(void *context, uint64_t bytes), struct error *err)
{
    for (;;) {
        struct ring_slot *slot = ring_take(stream->raw, stream->raw_last);
        if (!slot) {
            break;
        }
        if (stream->caller.is_stopped(stream->caller.context)) {
            return error_set(err, ERROR_CONFLICT, "stopped before byte %llu",
                             (unsigned long long)sink->offset);
        }
        if (sink_append(sink, slot->data, slot->length, err) < 0) {
            return -1;
        }
        ring_pass(stream->raw, stream->raw_last);
        if (progress) {
            progress(stream->caller.context, sink->offset);
        }
    }
    join_threads(stream); // every stage has said whether its digest was right
    if (stream_error(stream, err) < 0) {
        return -1;
    }
    return sink_finish(sink, err);
}
