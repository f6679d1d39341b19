// SPDX-License-Identifier: Apache-2.0

// The provision run's first half: which disk, which image, and the bytes onto it
// (provision_steps.h).

#include "agent/boot/boot_entry.h"
#include "agent/os/root.h"
#include "agent/provision_steps.h"
#include "agent/report/report.h"
#include "agent/unsupported.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IDLE_TIMEOUT_MS = 60 * 1000, SILENCE_MAX_MS = 5 * 60 * 1000, BACKOFF_MS = 500 };

static void on_unsupported(void *context, const char *key)
{
    run_log(context, 'W', "%s is not supported yet and has no effect", key);
}

int step_check_vars(struct run *run, struct error *err)
{
    const struct vars *vars = run->context->vars;
    if (plan_read(&run->plan, vars, err) < 0 ||
        unsupported_check(vars, on_unsupported, run, err) < 0) {
        return -1;
    }
    if (!run->plan.hostname) {
        run_log(run, 'W', "HOSTNAME is missing: the image's own name stays");
    }
    return 0;
}

int step_detect_disk(struct run *run, struct error *err)
{
    disk_list_fini(&run->disks);
    if (disk_list_read("", &run->disks, err) < 0 ||
        disk_choose(&run->disks, run->plan.disk_device, run->plan.disk_bytes_min, &run->disk, err) <
            0) {
        return -1;
    }
    for (size_t i = 0; i < run->disks.count; i++) {
        const struct disk *disk = &run->disks.disks[i];
        if (disk->refusal[0] != '\0') {
            run_log(run, 'I', "disk %s is left alone: %s", disk->name, disk->refusal);
        } else {
            run_log(run, 'I', "disk %s has %" PRIu64 " bytes%s", disk->name, disk->size,
                    strcmp(disk->name, run->disk.name) == 0 ? ": this one" : "");
        }
    }
    return 0;
}

int step_find_stamp(struct run *run, struct error *err)
{
    if (!run->plan.deployment) {
        return 0; // nothing that a stamp could be compared with
    }
    struct stamp wanted = {0};
    snprintf(wanted.deployment, sizeof(wanted.deployment), "%s", run->plan.deployment);
    snprintf(wanted.image, sizeof(wanted.image), "%s", run->plan.image_identity);
    if (find_stamped(&run->disks, &wanted, TARGET_MOUNT, &run->found) == 1) {
        run->was_installed = true;
        run_log(run, 'I', "disk %s holds this deployment's system already: nothing is written",
                run->found.disk);
    }
    return 0;
}

static void on_notice(void *context, const char *text)
{
    run_log(context, 'W', "%s", text);
}

static void on_progress(void *context, uint64_t bytes)
{
    struct run *run = context;
    report_progress(run->context->report, "image", bytes, run->layout.bytes);
}

static int stream_open(struct run *run, struct error *err)
{
    const struct plan *plan = &run->plan;
    struct image_fetch fetch = {
        .url_count = plan->url_count,
        .insecure_transport = plan->insecure_transport,
        .perform = http_perform,
        .is_stopped = run_is_stopped,
        .notice = on_notice,
        .context = run,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .silence_max_ms = SILENCE_MAX_MS,
        .backoff_ms = BACKOFF_MS,
    };
    memcpy(fetch.urls, plan->urls, sizeof(fetch.urls));
    memcpy(fetch.bearers, plan->bearers, sizeof(fetch.bearers));
    run->stream = image_stream_open(&fetch, &plan->expect, err);
    return run->stream ? 0 : -1;
}

static bool is_uefi(void)
{
    return access("/sys/firmware/efi", F_OK) == 0;
}

static int verify_head(struct run *run, const uint8_t *head, size_t length, struct error *err)
{
    bool is_raw = image_stream_format(run->stream) == IMAGE_FORMAT_RAW;
    int64_t raw_bytes = is_raw ? image_stream_served_size(run->stream) : -1;
    return image_check_head(head, length, raw_bytes, &run->device, &run->layout, err);
}

int step_verify_image(struct run *run, struct error *err)
{
    char path[DISK_NAME_SIZE + 8];
    const uint8_t *head = NULL;
    size_t length = 0;
    snprintf(path, sizeof(path), "/dev/%s", run->disk.name);
    if (device_open(&run->device, path, err) < 0 || stream_open(run, err) < 0 ||
        image_stream_head(run->stream, &head, &length, err) < 0 ||
        verify_head(run, head, length, err) < 0) {
        return -1;
    }
    run->device.is_stopped = run_is_stopped;
    run->device.context = run;
    if (is_uefi() && esp_by_table(&run->layout.gpt) == 0) {
        run_log(run, 'W', "the image has no EFI system partition: this machine's firmware may not start it");
    }
    run_log(run, 'I', "image: %s, %" PRId64 " bytes as served, %" PRIu64 " on the disk",
            image_format_name(image_stream_format(run->stream)),
            image_stream_served_size(run->stream), run->layout.bytes);
    return 0;
}

int step_wipe_disks(struct run *run, struct error *err)
{
    if (held_init(&run->held, err) < 0 || partitions_forget(&run->device, err) < 0) {
        return -1;
    }
    run->touched = true;
    return disk_clear_ends(&run->device, err);
}

int step_stream_image(struct run *run, struct error *err)
{
    struct sink sink;
    sink_init(&sink, &run->device, &run->held);
    image_check_watch(&run->layout, &sink);
    if (image_stream_write(run->stream, &sink, on_progress, err) < 0 ||
        image_check_end(&run->layout, sink.offset, err) < 0) {
        return -1;
    }
    run_log(run, 'I', "image: %" PRIu64 " bytes written, digest verified", sink.offset);
    image_stream_close(run->stream);
    run->stream = NULL;
    return 0;
}

static int partitions_show_again(struct run *run, struct error *err)
{
    if (device_claim(&run->device, err) < 0) {
        return -1;
    }
    run->shown = true;
    if (partitions_show(&run->device, &run->layout.gpt, err) < 0) {
        return -1;
    }
    device_release(&run->device); // or its partitions could not be mounted
    return 0;
}

static void look_for_loader(struct run *run, uint32_t esp)
{
    char path[PARTITION_PATH_SIZE];
    if (partition_path(&run->device, esp, true, path, NULL) == 0 &&
        esp_has_file(path, TARGET_MOUNT, "EFI/BOOT/" EFI_LOADER_NAME) == 0) {
        run_log(run, 'W', "the EFI system partition has no \\EFI\\BOOT\\" EFI_LOADER_NAME
                          ": this machine's firmware may not start it");
    }
}

int step_parse_partitions(struct run *run, struct error *err)
{
    if (disk_write_partition_parts(&run->device, &run->layout.gpt, &run->held, err) < 0 ||
        partitions_show_again(run, err) < 0) {
        return -1;
    }
    run->root_number = root_by_table(&run->layout.gpt);
    if (run->root_number == 0) {
        run->root_number = root_by_content(&run->device, &run->layout.gpt, TARGET_MOUNT);
    }
    if (run->root_number == 0) {
        return error_set(err, ERROR_UNPROCESSABLE, "no partition is a root file system");
    }
    uint32_t esp = esp_by_table(&run->layout.gpt);
    run_log(run, 'I', "partition %" PRIu32 " is the root, %" PRIu32 " the EFI system partition%s",
            run->root_number, esp, esp ? "" : " (none)");
    if (esp != 0 && is_uefi()) {
        look_for_loader(run, esp);
    }
    return 0;
}

int step_grow_partition(struct run *run, struct error *err)
{
    if (!gpt_partition_grow(&run->layout.gpt, run->root_number)) {
        run_log(run, 'I', "there is no free space behind partition %" PRIu32, run->root_number);
        return 0;
    }
    return partitions_show_again(run, err);
}
