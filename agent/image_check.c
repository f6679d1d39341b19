// SPDX-License-Identifier: Apache-2.0
// Refusals, each with its reason, as early as it can be known.

#include "agent/image_check.h"

#include "agent/os/root.h"

#include <inttypes.h>

static uint64_t root_start(const struct image_layout *layout)
{
    struct gpt_partition root;
    bool found = gpt_partition_get(&layout->gpt, layout->root_number, &root);
    return found ? root.first * layout->gpt.sector_size : 0;
}

static int check_root_bytes(void *context, const uint8_t *bytes, struct error *err)
{
    const struct image_layout *layout = context;
    if (root_check_head(bytes, err) < 0) {
        return error_wrap(err, "the image cannot be installed: partition %" PRIu32 ", its root",
                          layout->root_number);
    }
    return 0;
}

int image_check_end(const struct image_layout *layout, uint64_t bytes, struct error *err)
{
    uint64_t needed = gpt_end(&layout->gpt) * layout->gpt.sector_size;
    if (bytes < needed) {
        return error_set(err, ERROR_CORRUPT,
                         "the image has %" PRIu64 " bytes, but its partitions end at byte %" PRIu64,
                         bytes, needed);
    }
    return 0;
}

static int check_size(struct image_layout *layout, int64_t raw_bytes, const struct device *device,
                      struct error *err)
{
    layout->bytes = (layout->gpt.backup_lba + 1) * device->sector_size;
    if (raw_bytes > (int64_t)layout->bytes) {
        layout->bytes = (uint64_t)raw_bytes;
    }
    if (layout->bytes > device->size) {
        return error_set(err, ERROR_TOO_LARGE,
                         "the image has %" PRIu64 " bytes, disk %s only %" PRIu64, layout->bytes,
                         device->name, device->size);
    }
    return raw_bytes >= 0 ? image_check_end(layout, (uint64_t)raw_bytes, err) : 0;
}

static int check_root(struct image_layout *layout, const uint8_t *head, size_t length,
                      struct error *err)
{
    layout->root_number = root_by_table(&layout->gpt);
    if (layout->root_number == 0) {
        return root_may_exist(&layout->gpt)
                   ? 0
                   : error_set(err, ERROR_UNPROCESSABLE,
                               "the image cannot be installed: no partition can be its root");
    }
    uint64_t start = root_start(layout);
    bool is_here = start <= length && length - start >= ROOT_HEAD_BYTES;
    return is_here ? check_root_bytes(layout, head + start, err) : 0;
}

int image_check_head(const uint8_t *head, size_t length, int64_t raw_bytes,
                     const struct device *device, struct image_layout *ret_layout, struct error *err)
{
    struct image_layout layout = {0};
    if (gpt_parse(head, length, device->sector_size, &layout.gpt, err) < 0) {
        return error_wrap(err, "the image cannot be installed");
    }
    if (check_size(&layout, raw_bytes, device, err) < 0 ||
        check_root(&layout, head, length, err) < 0 ||
        gpt_fit(&layout.gpt, device->size / device->sector_size, err) < 0) {
        gpt_fini(&layout.gpt);
        return -1;
    }
    *ret_layout = layout;
    return 0;
}

void image_check_watch(const struct image_layout *layout, struct sink *sink)
{
    if (layout->root_number != 0) {
        sink->watch = (struct sink_watch){
            .offset = root_start(layout),
            .length = ROOT_HEAD_BYTES,
            .check = check_root_bytes,
            .context = (void *)(uintptr_t)layout,
        };
    }
}
