// SPDX-License-Identifier: Apache-2.0

// The last stage of the image's way: raw bytes onto the disk.

#include "agent/image/sink.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALIGNMENT = 4096,
    ZERO_BLOCK = 64 * 1024, // shorter runs are cheaper to write than to ask for
    // A device without an offload writes a run itself: the limit keeps one call short, so that a
    // fence is seen.
    ZERO_RUN_MAX = 64 * 1024 * 1024,
};

void sink_init(struct sink *sink, struct device *device, struct held *held)
{
    *sink = (struct sink){.device = device, .held = held};
}

static bool is_zero(const uint8_t *data, size_t length)
{
    return length == 0 || (data[0] == 0 && memcmp(data, data + 1, length - 1) == 0);
}

static int zeros_flush(struct sink *sink, struct error *err)
{
    uint64_t length = sink->zero_length;
    sink->zero_length = 0;
    return length > 0 ? device_zero(sink->device, sink->zero_start, length, err) : 0;
}

static int zeros_add(struct sink *sink, uint64_t offset, size_t length, struct error *err)
{
    bool joins = sink->zero_length > 0 && sink->zero_start + sink->zero_length == offset;
    if (!joins || sink->zero_length >= ZERO_RUN_MAX) {
        if (zeros_flush(sink, err) < 0) {
            return -1;
        }
        sink->zero_start = offset;
    }
    sink->zero_length += length;
    return 0;
}

// An image need not end on a whole sector; the disk's write does.
static int write_padded(struct sink *sink, uint64_t offset, const uint8_t *data, size_t length,
                        struct error *err)
{
    size_t sector_size = sink->device->sector_size;
    size_t whole = length - length % sector_size;
    if (whole > 0 && device_write(sink->device, offset, data, whole, err) < 0) {
        return -1;
    }
    if (whole == length) {
        return 0;
    }
    CLEANUP_FREE uint8_t *sector = aligned_alloc(ALIGNMENT, ALIGNMENT);
    if (!sector) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memset(sector, 0, ALIGNMENT);
    memcpy(sector, data + whole, length - whole);
    return device_write(sink->device, offset + whole, sector, sector_size, err);
}

// Bytes that belong between both held ranges.
static int middle_write(struct sink *sink, uint64_t offset, const uint8_t *data, size_t length,
                        struct error *err)
{
    size_t run = 0; // start of bytes that are not zero and not written yet
    for (size_t at = 0; at < length; at += ZERO_BLOCK) {
        size_t part = length - at < ZERO_BLOCK ? length - at : ZERO_BLOCK;
        if (part < ZERO_BLOCK || !is_zero(data + at, part)) {
            continue;
        }
        if (at > run && device_write(sink->device, offset + run, data + run, at - run, err) < 0) {
            return -1;
        }
        if (zeros_add(sink, offset + at, part, err) < 0) {
            return -1;
        }
        run = at + part;
    }
    return length > run ? write_padded(sink, offset + run, data + run, length - run, err) : 0;
}

// A watched range may come in two pieces.
static int watch_bytes(struct sink *sink, const uint8_t *data, size_t length, struct error *err)
{
    const struct sink_watch *watch = &sink->watch;
    uint64_t watch_end = watch->offset + watch->length;
    uint64_t from = sink->offset > watch->offset ? sink->offset : watch->offset;
    uint64_t end = sink->offset + length < watch_end ? sink->offset + length : watch_end;
    if (watch->length == 0 || from >= end) {
        return 0;
    }
    memcpy(sink->watched + (from - watch->offset), data + (from - sink->offset), end - from);
    return end == watch_end ? watch->check(watch->context, sink->watched, err) : 0;
}

int sink_append(struct sink *sink, const uint8_t *data, size_t length, struct error *err)
{
    if (length > sink->device->size - sink->offset) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the image is bigger than the disk (%" PRIu64 " bytes)",
                         sink->device->size);
    }
    if (watch_bytes(sink, data, length, err) < 0) {
        return -1;
    }
    uint64_t tail_start = held_tail_start(sink->device);
    uint64_t offset = sink->offset;
    sink->offset += length;
    if (offset < HELD_BYTES) {
        size_t part = length < HELD_BYTES - offset ? length : (size_t)(HELD_BYTES - offset);
        memcpy(sink->held->head + offset, data, part);
        offset += part;
        data += part;
        length -= part;
    }
    if (length > 0 && offset < tail_start) {
        size_t part = length < tail_start - offset ? length : (size_t)(tail_start - offset);
        if (middle_write(sink, offset, data, part, err) < 0) {
            return -1;
        }
        offset += part;
        data += part;
        length -= part;
    }
    if (length > 0) {
        memcpy(sink->held->tail + (offset - tail_start), data, length);
    }
    return 0;
}

int sink_finish(struct sink *sink, struct error *err)
{
    if (zeros_flush(sink, err) < 0) {
        return -1;
    }
    return device_flush(sink->device, err);
}
