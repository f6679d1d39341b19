// SPDX-License-Identifier: Apache-2.0
#pragma once

// The steps of a provision run and what they share. provision.c runs them in the order of its
// table; each takes the run, returns 0 or a negative number, and leaves in the run what later steps
// need.

#include "agent/context.h"
#include "agent/disk/choose.h"
#include "agent/disk/commit.h"
#include "agent/disk/partitions.h"
#include "agent/image/stream.h"
#include "agent/image_check.h"
#include "agent/os/find.h"
#include "agent/plan.h"

#include <stdatomic.h>

#define TARGET_MOUNT "/newroot"

struct run {
    struct agent_context *context;
    atomic_llong deadline_ms; // monotonic, of the step that runs

    struct plan plan;
    struct disk_list disks;
    struct disk disk;   // the chosen one
    struct found found; // filled when the stamp was found
    bool was_installed;

    struct device device;
    struct held held;
    struct image_layout layout;
    struct image_stream *stream;
    uint32_t root_number;
    char root_path[PARTITION_PATH_SIZE];
    bool mounted;
    int root;     // descriptor of the mounted root folder, -1
    bool shown;   // the kernel knows the new partitions
    bool touched; // the disk was written to
    bool committed;
};

// True when writing must stop: the controller ended this attempt, or the step's time is over. Any
// thread.
bool run_is_stopped(void *run);

// A line for the controller's log.
void run_log(struct run *run, char level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Everything that a step may have left open; safe to call at any time.
void run_undo(struct run *run);

// install_image.c: the disk up to the point where its partitions can be mounted.
int step_check_vars(struct run *run, struct error *err);
int step_detect_disk(struct run *run, struct error *err);
int step_find_stamp(struct run *run, struct error *err);
int step_verify_image(struct run *run, struct error *err);
int step_wipe_disks(struct run *run, struct error *err);
int step_stream_image(struct run *run, struct error *err);
int step_parse_partitions(struct run *run, struct error *err);
int step_grow_partition(struct run *run, struct error *err);

// install_system.c: the system on it, the commit, the boot entry.
int step_mount_root(struct run *run, struct error *err);
int step_resize_filesystem(struct run *run, struct error *err);
int step_set_hostname(struct run *run, struct error *err);
int step_install_phone_home(struct run *run, struct error *err);
int step_write_stamp(struct run *run, struct error *err);
int step_unmount_root(struct run *run, struct error *err);
int step_commit_disk(struct run *run, struct error *err);
int step_partprobe(struct run *run, struct error *err);
int step_create_efi_boot_entry(struct run *run, struct error *err);
