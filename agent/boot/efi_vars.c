// SPDX-License-Identifier: Apache-2.0

// efivarfs files: four bytes of attributes, then the value, in one write.

#include "agent/boot/efi_vars.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#define EFI_FOLDER "/sys/firmware/efi"
#define EFIVARFS_FOLDER EFI_FOLDER "/efivars"
#define GLOBAL_VENDOR "8be4df61-93ca-11d2-aa0d-00e098032b8c"

enum {
    EFIVARFS_STATFS_MAGIC = 0xde5e81e4,
    ATTRIBUTE_BYTES = 4,
    NON_VOLATILE_BOOT_RUNTIME = 7,
    FILE_NAME_SIZE = EFI_NAME_SIZE + 40,
};

int efi_vars_open(struct efi_vars *vars, struct error *err)
{
    *vars = (struct efi_vars){.folder = -1};
    if (access(EFI_FOLDER, F_OK) < 0) {
        return error_set(err, ERROR_NOT_FOUND, "this machine was not started by UEFI");
    }
    struct statfs status;
    if (statfs(EFIVARFS_FOLDER, &status) < 0 ||
        (uint32_t)status.f_type != (uint32_t)EFIVARFS_STATFS_MAGIC) {
        if (mount("efivarfs", EFIVARFS_FOLDER, "efivarfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) <
            0) {
            return error_set(err, ERROR_NOT_FOUND, "efivarfs cannot be mounted: %s",
                             strerror(errno));
        }
        vars->mounted = true;
    }
    vars->folder = open(EFIVARFS_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (vars->folder < 0) {
        int number = errno;
        efi_vars_close(vars);
        return error_errno(err, number, "opening %s", EFIVARFS_FOLDER);
    }
    return 0;
}

void efi_vars_close(struct efi_vars *vars)
{
    if (vars->folder >= 0) {
        close(vars->folder);
    }
    if (vars->mounted) {
        umount2(EFIVARFS_FOLDER, 0);
    }
    *vars = (struct efi_vars){.folder = -1};
}

static void file_name(const char *name, char text[FILE_NAME_SIZE])
{
    snprintf(text, FILE_NAME_SIZE, "%.*s-" GLOBAL_VENDOR, EFI_NAME_SIZE - 1, name);
}

int efi_var_read(const struct efi_vars *vars, const char *name, uint8_t value[EFI_VARIABLE_MAX],
                 struct error *err)
{
    char file[FILE_NAME_SIZE];
    file_name(name, file);
    CLEANUP_CLOSE int fd = openat(vars->folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return error_set(err, ERROR_NOT_FOUND, "there is no variable %s", name);
    }
    uint8_t bytes[ATTRIBUTE_BYTES + EFI_VARIABLE_MAX];
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
    if (n < 0) {
        return error_errno(err, errno, "reading the firmware's variable %s", name);
    }
    if (n < ATTRIBUTE_BYTES) {
        return error_set(err, ERROR_UNPROCESSABLE, "the firmware's variable %s is cut off", name);
    }
    memcpy(value, bytes + ATTRIBUTE_BYTES, (size_t)n - ATTRIBUTE_BYTES);
    return (int)n - ATTRIBUTE_BYTES;
}

// efivarfs makes what it does not know immutable, against careless rm -rf.
static void make_mutable(int folder, const char *file)
{
    CLEANUP_CLOSE int fd = openat(folder, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int flags = 0;
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL)) {
        flags &= ~FS_IMMUTABLE_FL;
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
}

int efi_var_write(const struct efi_vars *vars, const char *name, const uint8_t *value,
                  size_t length, struct error *err)
{
    uint8_t old[EFI_VARIABLE_MAX];
    int old_length = efi_var_read(vars, name, old, NULL);
    if (old_length >= 0 && (size_t)old_length == length && memcmp(old, value, length) == 0) {
        return 0;
    }
    if (length > EFI_VARIABLE_MAX) {
        return error_set(err, ERROR_TOO_LARGE, "the firmware's variable %s would be too long",
                         name);
    }
    char file[FILE_NAME_SIZE];
    file_name(name, file);
    make_mutable(vars->folder, file);
    uint8_t bytes[ATTRIBUTE_BYTES + EFI_VARIABLE_MAX];
    put_le32(bytes, NON_VOLATILE_BOOT_RUNTIME);
    memcpy(bytes + ATTRIBUTE_BYTES, value, length);
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (vars->plain ? O_TRUNC : 0);
    CLEANUP_CLOSE int fd = openat(vars->folder, file, flags, 0644);
    if (fd < 0 ||
        write(fd, bytes, ATTRIBUTE_BYTES + length) != (ssize_t)(ATTRIBUTE_BYTES + length)) {
        return error_errno(err, errno, "writing the firmware's variable %s", name);
    }
    return 0;
}

int efi_var_delete(const struct efi_vars *vars, const char *name, struct error *err)
{
    char file[FILE_NAME_SIZE];
    file_name(name, file);
    make_mutable(vars->folder, file);
    if (unlinkat(vars->folder, file, 0) < 0 && errno != ENOENT) {
        return error_errno(err, errno, "removing the firmware's variable %s", name);
    }
    return 0;
}

static int number_compare(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

size_t efi_boot_numbers(const struct efi_vars *vars, uint16_t *numbers, size_t max)
{
    int fd = openat(vars->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    size_t count = 0;
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry && count < max;
         entry = readdir(dir)) {
        uint8_t bytes[2];
        if (strncmp(entry->d_name, "Boot", 4) == 0 &&
            strlen(entry->d_name) == 8 + sizeof(GLOBAL_VENDOR) &&
            strcmp(entry->d_name + 9, GLOBAL_VENDOR) == 0 && entry->d_name[8] == '-') {
            char digits[5];
            memcpy(digits, entry->d_name + 4, 4);
            digits[4] = '\0';
            if (hex_decode(digits, bytes, 2) == 0) {
                numbers[count++] = get_be16(bytes);
            }
        }
    }
    if (dir) {
        closedir(dir);
    }
    qsort(numbers, count, sizeof(numbers[0]), number_compare);
    return count;
}
