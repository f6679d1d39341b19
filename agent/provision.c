// SPDX-License-Identifier: Apache-2.0

// The provision pipeline's runner: the table of steps, their deadlines and retries, and the undo.
// Called by the worker.

#include "agent/provision.h"

#include "agent/provision_steps.h"
#include "agent/os/root.h"
#include "agent/report/report.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    WAIT_SLICE_MS = 100
};

struct step {
    const char *name;
    int (*run)(struct run *run, struct error *err);
    int64_t deadline_ms; // of one attempt. What waits or loops looks at it; one system call cannot
                         // be cut short
    int attempts;
    int wait_ms;         // between attempts
    bool when_installed; // also for a system whose stamp was found
};

// BOOTy's names where it has the step.
static const struct step steps[] = {
    {"check-vars", step_check_vars, 10 * SECOND_MS, 1, 0, false},
    {"detect-disk", step_detect_disk, 10 * SECOND_MS, 10, 2 * SECOND_MS, false},
    {"find-stamp", step_find_stamp, MINUTE_MS, 1, 0, false},
    {"verify-image", step_verify_image, 10 * MINUTE_MS, 1, 0, false},
    // From here on the old system is gone.
    {"wipe-disks", step_wipe_disks, 5 * MINUTE_MS, 1, 0, false},
    {"stream-image", step_stream_image, 6 * (int64_t)HOUR_MS, 1, 0, false},
    {"parse-partitions", step_parse_partitions, MINUTE_MS, 1, 0, false},
    {"grow-partition", step_grow_partition, MINUTE_MS, 1, 0, false},
    {"mount-root", step_mount_root, MINUTE_MS, 1, 0, false},
    {"resize-filesystem", step_resize_filesystem, 10 * MINUTE_MS, 1, 0, false},
    {"set-hostname", step_set_hostname, MINUTE_MS, 1, 0, false},
    {"install-phone-home", step_install_phone_home, MINUTE_MS, 1, 0, false},
    {"write-stamp", step_write_stamp, MINUTE_MS, 1, 0, false},
    {"unmount-root", step_unmount_root, 5 * MINUTE_MS, 1, 0, false},
    {"commit-disk", step_commit_disk, 5 * MINUTE_MS, 1, 0, false},
    // From here on the new system is there: what follows may be repeated by a next run.
    {"partprobe", step_partprobe, 30 * SECOND_MS, 1, 0, false},
    {"create-efi-boot-entry", step_create_efi_boot_entry, MINUTE_MS, 1, 0, true},
};

enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };

bool run_is_stopped(void *context)
{
    struct run *run = context;
    return report_is_fenced(run->context->report) ||
           clock_monotonic_ms() > atomic_load(&run->deadline_ms);
}

void run_log(struct run *run, char level, const char *format, ...)
{
    char text[800];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    report_log(run->context->report, level, text);
}

// What ended a step may be that it was told to stop: say so instead of what the stop broke.
static void explain_stop(struct run *run, const struct step *step, struct error *err)
{
    if (report_is_fenced(run->context->report)) {
        error_set(err, ERROR_CONFLICT, "the controller ended this attempt; the disk %s",
                  run->touched ? "was written to" : "was not touched");
    } else if (clock_monotonic_ms() > atomic_load(&run->deadline_ms)) {
        error_set(err, ERROR_TIMEOUT, "it took longer than %lld s",
                  (long long)step->deadline_ms / SECOND_MS);
    }
}

static void wait_before_retry(struct run *run, int wait_ms)
{
    for (int waited = 0; waited < wait_ms && !report_is_fenced(run->context->report);
         waited += WAIT_SLICE_MS) {
        nanosleep(&(struct timespec){.tv_nsec = WAIT_SLICE_MS * 1000000L}, NULL);
    }
}

static int step_try(struct run *run, const struct step *step, struct error *err)
{
    for (int attempt = 1;; attempt++) {
        atomic_store(&run->deadline_ms, clock_monotonic_ms() + step->deadline_ms);
        if (run_is_stopped(run)) {
            break;
        }
        if (step->run(run, err) == 0) {
            return 0;
        }
        if (attempt == step->attempts || report_is_fenced(run->context->report)) {
            break;
        }
        run_log(run, 'W', "step %s: %s; trying again", step->name, err->message);
        wait_before_retry(run, step->wait_ms);
    }
    explain_stop(run, step, err);
    return error_wrap(err, "step %s failed", step->name);
}

static int steps_run(struct run *run, struct error *err)
{
    struct report *report = run->context->report;
    for (unsigned i = 0; i < STEP_COUNT; i++) {
        const struct step *step = &steps[i];
        if (run->was_installed && !step->when_installed) {
            continue;
        }
        int64_t begin = clock_monotonic_ms();
        report_step(report, step->name, i + 1, STEP_COUNT);
        if (step_try(run, step, err) < 0) {
            return -1;
        }
        report_step_done(report, step->name, clock_monotonic_ms() - begin);
    }
    return 0;
}

int provision_run(struct agent_context *context, struct error *err)
{
    struct error scratch = {0};
    struct run run = {
        .context = context,
        .device = {.fd = -1, .direct_fd = -1},
        .root = -1,
    };
    root_unmount(TARGET_MOUNT, true, NULL); // of a worker that crashed
    int result = steps_run(&run, err ? err : &scratch);
    bool was_installed = run.was_installed;
    run_undo(&run);
    if (result < 0) {
        return -1;
    }
    return was_installed ? PROVISION_WAS_INSTALLED : PROVISION_INSTALLED;
}
