// SPDX-License-Identifier: Apache-2.0

// The provision run's second half: the system that lies on the disk is made this machine's, then
// committed, then known to the firmware (provision_steps.h).

#include "agent/boot/boot_entry.h"
#include "agent/os/configure.h"
#include "agent/os/root.h"
#include "agent/provision.h"
#include "agent/provision_steps.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int step_mount_root(struct run *run, struct error *err)
{
    if (partition_path(&run->device, run->root_number, true, run->root_path, err) < 0 ||
        root_mount(run->root_path, TARGET_MOUNT, true, err) < 0) {
        return -1;
    }
    run->mounted = true;
    run->root = open(TARGET_MOUNT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return run->root < 0 ? error_errno(err, errno, "opening %s", TARGET_MOUNT) : 0;
}

int step_resize_filesystem(struct run *run, struct error *err)
{
    return root_grow(run->root_path, TARGET_MOUNT, err);
}

int step_set_hostname(struct run *run, struct error *err)
{
    return run->plan.hostname ? configure_hostname(run->root, run->plan.hostname, err) : 0;
}

int step_install_phone_home(struct run *run, struct error *err)
{
    if (!run->plan.phone_home_url) {
        return 0;
    }
    struct phone_home_setup setup = {
        .url = run->plan.phone_home_url,
        .token = run->plan.phone_home_token,
        .ca_file = run->context->ca_file,
        .agent_file = run->context->agent_file,
    };
    return configure_phone_home(run->root, &setup, err);
}

int step_write_stamp(struct run *run, struct error *err)
{
    if (!run->plan.deployment) {
        return 0;
    }
    struct stamp stamp = {0};
    snprintf(stamp.deployment, sizeof(stamp.deployment), "%s", run->plan.deployment);
    snprintf(stamp.image, sizeof(stamp.image), "%s", run->plan.image_identity);
    clock_format(clock_now_ms(), stamp.time);
    return configure_stamp(run->root, &stamp, err);
}

// What the unmount itself wrote (the file system's last words) has no caller that a failure could be told to: the
// partition has.
static int unmount_checked(struct run *run, struct error *err)
{
    CLEANUP_CLOSE int partition = open(run->root_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (partition < 0) {
        return error_errno(err, errno, "opening %s", run->root_path);
    }
    if (root_unmount(TARGET_MOUNT, false, err) < 0) {
        return -1;
    }
    run->mounted = false;
    return fsync(partition) < 0 ? error_errno(err, errno, "flushing %s", run->root_path) : 0;
}

int step_unmount_root(struct run *run, struct error *err)
{
    // A file system that could not write everything says so here, not at the unmount.
    int root = openat(run->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = root >= 0 ? syncfs(root) : -1;
    int number = errno;
    if (root >= 0) {
        close(root);
    }
    if (result < 0) {
        return error_errno(err, number, "writing out the root file system");
    }
    close(run->root);
    run->root = -1;
    if (unmount_checked(run, err) < 0 || device_claim(&run->device, err) < 0) {
        return -1;
    }
    return device_flush(&run->device, err);
}

int step_commit_disk(struct run *run, struct error *err)
{
    // The kernel's view of the partitions is dropped, and with it what it may have cached of them.
    if (partitions_forget(&run->device, err) < 0) {
        return -1;
    }
    run->shown = false;
    if (disk_commit(&run->device, &run->layout.gpt, &run->held, err) < 0) {
        return -1;
    }
    run->committed = true;
    run_log(run, 'I', "disk %s is committed", run->device.name);
    return 0;
}

// The disk is committed whatever becomes of this: failing now would have it installed once more.
int step_partprobe(struct run *run, struct error *err)
{
    struct error reason = {0};
    if (partitions_reread(&run->device, &reason) < 0) {
        run_log(run, 'W', "%s; the kernel is told instead", reason.message);
        if (partitions_show(&run->device, &run->layout.gpt, &reason) < 0) {
            run_log(run, 'W', "%s", reason.message);
        }
    }
    return 0;
}

static int boot_entry_make(struct run *run, const struct efi_vars *vars, struct error *err)
{
    const struct gpt *gpt = run->was_installed ? &run->found.gpt : &run->layout.gpt;
    struct gpt_partition esp;
    if (!gpt_partition_get(gpt, esp_by_table(gpt), &esp)) {
        return error_set(err, ERROR_NOT_FOUND, "the disk has no EFI system partition");
    }
    char description[EFI_DESCRIPTION_SIZE];
    snprintf(description, sizeof(description), BOOT_ENTRY_PREFIX "%s",
             run->plan.hostname ? run->plan.hostname : "system");
    struct efi_file_option option = {
        .description = description,
        .partition_number = esp.number,
        .partition_start = esp.first,
        .partition_sectors = esp.last - esp.first + 1,
        .file = "\\EFI\\BOOT\\" EFI_LOADER_NAME,
    };
    memcpy(option.partition_guid, esp.guid, sizeof(option.partition_guid));
    uint16_t number = 0;
    if (boot_entry_install(vars, &option, &number, err) < 0) {
        return -1;
    }
    run_log(run, 'I', "boot entry Boot%04X \"%s\" is made", number, description);
    return 0;
}

// Not fatal: firmware finds the removable-media path by itself, and bootd can send it to the disk.
// A full variable store must not make an installed system a failed one.
int step_create_efi_boot_entry(struct run *run, struct error *err)
{
    struct efi_vars vars;
    struct error reason = {0};
    int result = efi_vars_open(&vars, &reason);
    if (result == 0) {
        result = boot_entry_make(run, &vars, &reason);
        efi_vars_close(&vars);
    }
    if (result < 0) {
        run_log(run, reason.code == ERROR_NOT_FOUND ? 'I' : 'W', "no boot entry was made: %s",
                reason.message);
    }
    return 0;
}

void provision_start_next(void)
{
    struct efi_vars vars;
    struct error reason = {0};
    uint16_t number = 0;
    if (efi_vars_open(&vars, &reason) < 0) {
        return;
    }
    if (boot_entry_start_next(&vars, &number, &reason) == 0) {
        log_info("boot entry Boot%04X starts next", number);
    } else {
        log_info("the firmware decides what starts next: %s", reason.message);
    }
    efi_vars_close(&vars);
}

void run_undo(struct run *run)
{
    image_stream_close(run->stream);
    run->stream = NULL;
    if (run->root >= 0) {
        close(run->root);
        run->root = -1;
    }
    if (run->mounted) {
        root_unmount(TARGET_MOUNT, true, NULL);
        run->mounted = false;
    }
    if (run->shown && device_claim(&run->device, NULL) == 0) {
        partitions_forget(&run->device, NULL); // nobody shall find half a system there
        run->shown = false;
    }
    device_close(&run->device);
    held_fini(&run->held);
    gpt_fini(&run->layout.gpt);
    gpt_fini(&run->found.gpt);
    disk_list_fini(&run->disks);
    plan_fini(&run->plan);
}
