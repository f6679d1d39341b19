// SPDX-License-Identifier: Apache-2.0

// Listing and choosing disks. A disk that is removable, read-only, hidden, mounted or made by the
// kernel out of others is never overwritten by choice; DISK_DEVICE may name a removable one, but
// nothing in use.

#include "agent/disk/choose.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ATTRIBUTE_MAX = 64, MOUNTINFO_MAX = 1024 * 1024 };

static const char removable_text[] = "it is removable";

// Names of what is no disk of its own.
static const char *const virtual_prefixes[] = {"loop", "sr", "ram", "zram", "fd",
                                               "dm-",  "md", "zd",  "nbd"};

static bool name_is_virtual(const char *name)
{
    for (size_t i = 0; i < sizeof(virtual_prefixes) / sizeof(virtual_prefixes[0]); i++) {
        if (strncmp(name, virtual_prefixes[i], strlen(virtual_prefixes[i])) == 0) {
            return true;
        }
    }
    // eMMC boot and replay-protected areas belong to the board.
    return strncmp(name, "mmcblk", 6) == 0 && (strstr(name, "boot") || strstr(name, "rpmb"));
}

// A small file below /sys/block/<name> as text without its line end; false if there is none.
static bool attribute_read(int folder, const char *name, const char *attribute,
                           char text[ATTRIBUTE_MAX])
{
    char path[DISK_NAME_SIZE + 64];
    snprintf(path, sizeof(path), "%s/%s", name, attribute);
    CLEANUP_CLOSE int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t n = read(fd, text, ATTRIBUTE_MAX - 1);
    if (n < 0) {
        return false;
    }
    while (n > 0 && isspace((unsigned char)text[n - 1])) {
        n--;
    }
    text[n] = '\0';
    return true;
}

static bool attribute_is(int folder, const char *name, const char *attribute, const char *value)
{
    char text[ATTRIBUTE_MAX];
    return attribute_read(folder, name, attribute, text) && strcmp(text, value) == 0;
}

static bool folder_has_entries(int folder, const char *name, const char *below)
{
    char path[DISK_NAME_SIZE * 2 + 64];
    snprintf(path, sizeof(path), "%s/%s", name, below);
    int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        return false;
    }
    bool found = false;
    for (struct dirent *entry = readdir(dir); entry && !found; entry = readdir(dir)) {
        found = entry->d_name[0] != '.';
    }
    closedir(dir);
    return found;
}

// Is block device "major:minor" somebody's mount? The third field of each mountinfo line is the
// number.
static bool number_is_mounted(const char *mountinfo, const char *number)
{
    size_t length = strlen(number);
    for (const char *line = mountinfo; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *field = line;
        for (int i = 0; i < 2 && field; i++) {
            field = strchr(field, ' ');
            field = field ? field + 1 : NULL;
        }
        if (field && strncmp(field, number, length) == 0 && field[length] == ' ') {
            return true;
        }
    }
    return false;
}

// The disk or one of its partitions is mounted, or has something built upon it (holders).
static bool disk_is_used(int folder, const char *name, const char *mountinfo)
{
    char number[ATTRIBUTE_MAX];
    if (folder_has_entries(folder, name, "holders") ||
        (attribute_read(folder, name, "dev", number) && number_is_mounted(mountinfo, number))) {
        return true;
    }
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        return false;
    }
    bool used = false;
    for (struct dirent *entry = readdir(dir); entry && !used; entry = readdir(dir)) {
        if (strncmp(entry->d_name, name, strlen(name)) != 0 ||
            strlen(entry->d_name) >= DISK_NAME_SIZE) {
            continue;
        }
        char holders[DISK_NAME_SIZE + 16];
        snprintf(holders, sizeof(holders), "%s/holders", entry->d_name);
        used = folder_has_entries(folder, name, holders) ||
               (attribute_read(fd, entry->d_name, "dev", number) &&
                number_is_mounted(mountinfo, number));
    }
    closedir(dir);
    return used;
}

static const char *disk_refusal(int folder, const char *name, uint64_t size, const char *mountinfo)
{
    if (name_is_virtual(name)) {
        return "it is no disk of its own";
    }
    if (attribute_is(folder, name, "hidden", "1")) {
        return "it is one path of a disk with several";
    }
    if (size == 0) {
        return "it has no medium";
    }
    if (attribute_is(folder, name, "ro", "1")) {
        return "it is read-only";
    }
    if (disk_is_used(folder, name, mountinfo)) {
        return "it is in use";
    }
    if (!attribute_is(folder, name, "removable", "0")) {
        return removable_text;
    }
    return "";
}

static int mountinfo_read(const char *root, char **ret_text, struct error *err)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
    CLEANUP_FCLOSE FILE *file = fopen(path, "re");
    CLEANUP_FREE char *text = calloc(1, MOUNTINFO_MAX + 1);
    if (!file || !text) {
        return error_errno(err, errno, "reading %s", path);
    }
    if (fread(text, 1, MOUNTINFO_MAX, file) == MOUNTINFO_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "%s is too long", path);
    }
    *ret_text = TAKE_PTR(text);
    return 0;
}

static int disk_compare(const void *a, const void *b)
{
    return strcmp(((const struct disk *)a)->name, ((const struct disk *)b)->name);
}

int disk_list_read(const char *root, struct disk_list *ret_list, struct error *err)
{
    CLEANUP_FREE char *mountinfo = NULL;
    if (mountinfo_read(root, &mountinfo, err) < 0) {
        return -1;
    }
    char path[512];
    snprintf(path, sizeof(path), "%s/sys/block", root);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = folder >= 0 ? fdopendir(folder) : NULL;
    if (!dir) {
        return error_errno(err, errno, "reading %s", path);
    }
    CLEANUP_DISK_LIST struct disk_list list = {.disks =
                                                   calloc(DISK_COUNT_MAX, sizeof(struct disk))};
    for (struct dirent *entry = readdir(dir); entry && list.disks; entry = readdir(dir)) {
        char text[ATTRIBUTE_MAX];
        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= DISK_NAME_SIZE ||
            list.count == DISK_COUNT_MAX || !attribute_read(folder, entry->d_name, "size", text)) {
            continue;
        }
        struct disk *disk = &list.disks[list.count++];
        memcpy(disk->name, entry->d_name, strlen(entry->d_name) + 1);
        disk->size = strtoull(text, NULL, 10) * 512; // sysfs counts 512 whatever the sectors are
        snprintf(disk->refusal, sizeof(disk->refusal), "%s",
                 disk_refusal(folder, disk->name, disk->size, mountinfo));
    }
    closedir(dir);
    if (!list.disks) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    qsort(list.disks, list.count, sizeof(list.disks[0]), disk_compare);
    *ret_list = list;
    list = (struct disk_list){0};
    return 0;
}

void disk_list_fini(struct disk_list *list)
{
    free(list->disks);
    *list = (struct disk_list){0};
}

static int disk_choose_named(const struct disk_list *list, const char *device, uint64_t needed,
                             struct disk *ret_disk, struct error *err)
{
    const char *name = strncmp(device, "/dev/", 5) == 0 ? device + 5 : device;
    for (size_t i = 0; i < list->count; i++) {
        const struct disk *disk = &list->disks[i];
        if (strcmp(disk->name, name) != 0) {
            continue;
        }
        if (disk->refusal[0] != '\0' && strcmp(disk->refusal, removable_text) != 0) {
            return error_set(err, ERROR_UNPROCESSABLE, "disk %s was asked for, but %s", name,
                             disk->refusal);
        }
        if (disk->size < needed) {
            return error_set(err, ERROR_TOO_LARGE,
                             "disk %s was asked for, but has %" PRIu64 " bytes of the %" PRIu64
                             " needed",
                             name, disk->size, needed);
        }
        *ret_disk = *disk;
        return 0;
    }
    return error_set(err, ERROR_NOT_FOUND, "there is no disk %s", device);
}

int disk_choose(const struct disk_list *list, const char *device, uint64_t needed,
                struct disk *ret_disk, struct error *err)
{
    if (device && *device) {
        return disk_choose_named(list, device, needed, ret_disk, err);
    }
    const struct disk *best = NULL;
    CLEANUP_STRBUF struct strbuf reasons;
    strbuf_init(&reasons, 300);
    for (size_t i = 0; i < list->count; i++) {
        const struct disk *disk = &list->disks[i];
        if (disk->refusal[0] != '\0') {
            if (!name_is_virtual(disk->name)) {
                strbuf_printf(&reasons, "; %s: %s", disk->name, disk->refusal);
            }
        } else if (disk->size < needed) {
            strbuf_printf(&reasons, "; %s: %" PRIu64 " bytes are too few", disk->name, disk->size);
        } else if (!best || disk->size > best->size) {
            best = disk;
        }
    }
    if (!best) {
        return error_set(err, ERROR_NOT_FOUND, "no disk of %" PRIu64 " bytes may be overwritten%s",
                         needed, reasons.length > 0 ? strbuf_text(&reasons) : "; none was found");
    }
    *ret_disk = *best;
    return 0;
}
