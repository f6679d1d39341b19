// SPDX-License-Identifier: Apache-2.0

// The commit protocol's writes, flush by flush.

#include "agent/disk/commit.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DIRECT_ALIGNMENT = 4096 };

int held_init(struct held *held, struct error *err)
{
    held->head = aligned_alloc(DIRECT_ALIGNMENT, HELD_BYTES);
    held->tail = aligned_alloc(DIRECT_ALIGNMENT, HELD_BYTES);
    if (!held->head || !held->tail) {
        held_fini(held);
        return error_set(err, ERROR_IO, "out of memory");
    }
    memset(held->head, 0, HELD_BYTES);
    memset(held->tail, 0, HELD_BYTES);
    return 0;
}

void held_fini(struct held *held)
{
    free(held->head);
    free(held->tail);
    *held = (struct held){0};
}

uint64_t held_tail_start(const struct device *device)
{
    return device->size - HELD_BYTES;
}

int disk_clear_ends(struct device *device, struct error *err)
{
    if (device->size < (uint64_t)4 * HELD_BYTES) {
        return error_set(err, ERROR_TOO_LARGE, "%s has only %" PRIu64 " bytes", device->path,
                         device->size);
    }
    if (device_zero(device, 0, HELD_BYTES, err) < 0 ||
        device_zero(device, held_tail_start(device), HELD_BYTES, err) < 0) {
        return -1;
    }
    return device_flush(device, err);
}

static bool sector_is_in_partition(const struct gpt *gpt, uint64_t sector)
{
    struct gpt_partition partition;
    for (uint32_t number = 1; number <= gpt->entry_count; number++) {
        if (gpt_partition_get(gpt, number, &partition) && partition.first <= sector &&
            sector <= partition.last) {
            return true;
        }
    }
    return false;
}

// Through an aligned copy, so that runs in the middle of `held` are written directly too: a
// buffered write would carry the rest of its page along.
static int run_write(struct device *device, uint64_t offset, const uint8_t *data, size_t length,
                     struct error *err)
{
    CLEANUP_FREE uint8_t *copy = aligned_alloc(DIRECT_ALIGNMENT, HELD_BYTES);
    if (!copy) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memcpy(copy, data, length);
    return device_write(device, offset, copy, length, err);
}

// Write those sectors of one held range, from `from` (bytes into it) on, which lie inside
// partitions
// (`inside`) or outside all of them.
static int held_write(struct device *device, const struct gpt *gpt, const uint8_t *data,
                      uint64_t start, size_t from, bool inside, struct error *err)
{
    size_t sector_size = device->sector_size;
    size_t run = from;
    for (size_t at = from; at < HELD_BYTES; at += sector_size) {
        if (sector_is_in_partition(gpt, (start + at) / sector_size) == inside) {
            continue;
        }
        if (at > run && run_write(device, start + run, data + run, at - run, err) < 0) {
            return -1;
        }
        run = at + sector_size;
    }
    if (HELD_BYTES > run) {
        return run_write(device, start + run, data + run, HELD_BYTES - run, err);
    }
    return 0;
}

int disk_write_partition_parts(struct device *device, const struct gpt *gpt,
                               const struct held *held, struct error *err)
{
    if (held_write(device, gpt, held->head, 0, device->sector_size, true, err) < 0 ||
        held_write(device, gpt, held->tail, held_tail_start(device), 0, true, err) < 0) {
        return -1;
    }
    return device_flush(device, err);
}

int disk_commit(struct device *device, const struct gpt *gpt, struct held *held, struct error *err)
{
    if (gpt->sector_size != device->sector_size ||
        (gpt->backup_lba + 1) * gpt->sector_size != device->size) {
        return error_set(err, ERROR_INTERNAL, "the partition table was not laid out for %s",
                         device->path);
    }
    if (gpt_write_backup(gpt, held->tail, HELD_BYTES, err) < 0 ||
        gpt_write_primary(gpt, held->head, HELD_BYTES, err) < 0) {
        return -1;
    }
    if (held_write(device, gpt, held->tail, held_tail_start(device), 0, false, err) < 0 ||
        held_write(device, gpt, held->head, 0, device->sector_size, false, err) < 0 ||
        device_flush(device, err) < 0) {
        return -1;
    }
    // One sector: it is there or it is not.
    if (device_write(device, 0, held->head, device->sector_size, err) < 0) {
        return -1;
    }
    return device_flush(device, err);
}
