// SPDX-License-Identifier: Apache-2.0

// Which of an agent's steps can have written to the disk. The names are BOOTy's; ours are the same,
// with a few more and in another order. Only what is known to come before the first write is
// listed: any other name counts as a write.

#include "store/life.h"

#include <stdio.h>
#include <string.h>

static const char *const steps_before_writing[] = {
    "check-vars",
    "find-stamp",
    "report-init",
    "collect-inventory",
    "collect-firmware",
    "health-checks",
    "copy-provisioner-files",
    "configure-dns",
    "stop-raid",
    "disable-lvm",
    "mount-efivarfs",
    "remove-efi-entries",
    "setup-mellanox",
    "setup-nvme-namespaces",
    "detect-disk",
};

static bool is_one_of(const char *step, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(step, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool life_step_writes(const char *previous, const char *step)
{
    // Ours names the host in the mounted system, BOOTy before it looks for a disk; ours verifies
    // before the disk is wiped, BOOTy after it. The step before tells whose it is.
    static const char *const ours[] = {"check-vars", "detect-disk", "find-stamp", "verify-image"};
    if (strcmp(step, "set-hostname") == 0) {
        return is_one_of(previous, ours, sizeof(ours) / sizeof(*ours));
    }
    if (strcmp(step, "verify-image") == 0) {
        return strcmp(previous, "find-stamp") != 0 && strcmp(previous, step) != 0;
    }
    return !is_one_of(step, steps_before_writing,
                      sizeof(steps_before_writing) / sizeof(*steps_before_writing));
}

bool life_step_of_error(const char *text, char step[LIFE_STEP_SIZE])
{
    static const char before[] = "step ", after[] = " failed:";
    if (strncmp(text, before, sizeof(before) - 1) != 0) {
        return false;
    }
    text += sizeof(before) - 1;
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (length == 0 || length >= LIFE_STEP_SIZE ||
        strncmp(text + length, after, sizeof(after) - 1) != 0) {
        return false;
    }
    snprintf(step, LIFE_STEP_SIZE, "%.*s", (int)length, text);
    return true;
}
