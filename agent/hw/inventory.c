// SPDX-License-Identifier: Apache-2.0
// Every value is one small file; missing ones are empty strings and zeros.

#include "agent/hw/inventory.h"

#include "base/clock.h"
#include "base/json.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_SIZE = 256, SOCKETS_MAX = 64, ENTRIES_MAX = 1024 };

// One line of a file below the root, trimmed; "" when there is none. Bytes that JSON cannot carry are dropped.
__attribute__((format(printf, 3, 4))) static void read_text(char text[TEXT_SIZE], const char *root,
                                                            const char *format, ...)
{
    char name[PATH_MAX];
    char path[PATH_MAX + 64];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    (void)snprintf(path, sizeof(path), "%s%s", root, name);
    text[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file) {
        return;
    }
    if (!fgets(text, TEXT_SIZE, file)) {
        text[0] = '\0';
    }
    (void)fclose(file);
    size_t used = 0;
    for (size_t i = 0; text[i]; i++) {
        if (text[i] >= 0x20 && text[i] < 0x7f && (text[i] != ' ' || used > 0)) {
            text[used++] = text[i];
        }
    }
    while (used > 0 && text[used - 1] == ' ') {
        used--;
    }
    text[used] = '\0';
}

// The last element of a link's target.
__attribute__((format(printf, 3, 4))) static void read_link(char text[TEXT_SIZE], const char *root,
                                                            const char *format, ...)
{
    char name[PATH_MAX];
    char path[PATH_MAX + 64];
    char target[PATH_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(name, sizeof(name), format, arguments);
    va_end(arguments);
    (void)snprintf(path, sizeof(path), "%s%s", root, name);
    ssize_t length = readlink(path, target, sizeof(target) - 1);
    target[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(target, '/');
    (void)snprintf(text, TEXT_SIZE, "%.255s", slash ? slash + 1 : target);
}

static uint64_t to_number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static json_t *collect_system(const char *root)
{
    char vendor[TEXT_SIZE], product[TEXT_SIZE], uuid[TEXT_SIZE], bios[TEXT_SIZE];
    read_text(vendor, root, "/sys/class/dmi/id/sys_vendor");
    read_text(product, root, "/sys/class/dmi/id/product_name");
    read_text(uuid, root, "/sys/class/dmi/id/product_uuid");
    read_text(bios, root, "/sys/class/dmi/id/bios_version");
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "vendor", vendor, "product", product,
                     "serialNumber", "", "uuid", uuid, "biosVersion", bios);
}

struct socket {
    char model[TEXT_SIZE];
    char microcode[TEXT_SIZE];
    int id;
    int cores;
    int threads;
    int mhz;
};

struct processor {
    char model[TEXT_SIZE];
    char microcode[TEXT_SIZE];
    int id;
    int cores;
    int mhz;
    bool is_named; // arm64 names no model: then there is nothing to tell
};

static void add_processor(struct socket *sockets, size_t *count, const struct processor *processor)
{
    size_t i = 0;
    while (i < *count && sockets[i].id != processor->id) {
        i++;
    }
    if (!processor->is_named || i == SOCKETS_MAX) {
        return;
    }
    if (i == *count) {
        sockets[i] = (struct socket){.id = processor->id, .cores = processor->cores, .mhz = processor->mhz};
        memcpy(sockets[i].model, processor->model, TEXT_SIZE);
        memcpy(sockets[i].microcode, processor->microcode, TEXT_SIZE);
        (*count)++;
    }
    sockets[i].threads++;
}

static void read_processor_line(char *line, struct processor *processor)
{
    char *colon = strchr(line, ':');
    if (!colon) {
        return;
    }
    const char *value = colon + 1 + (colon[1] == ' ');
    line[strcspn(line, "\t:")] = '\0';
    if (strcmp(line, "model name") == 0) {
        processor->is_named = true;
        (void)snprintf(processor->model, TEXT_SIZE, "%s", value);
    } else if (strcmp(line, "microcode") == 0) {
        (void)snprintf(processor->microcode, TEXT_SIZE, "%s", value);
    } else if (strcmp(line, "physical id") == 0) {
        processor->id = (int)to_number(value);
    } else if (strcmp(line, "cpu cores") == 0) {
        processor->cores = (int)to_number(value);
    } else if (strcmp(line, "cpu MHz") == 0) {
        processor->mhz = (int)to_number(value);
    }
}

static json_t *collect_cpus(const char *root)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/proc/cpuinfo", root);
    FILE *file = fopen(path, "re");
    static struct socket sockets[SOCKETS_MAX];
    size_t count = 0;
    struct processor processor = {0};
    char line[4096];
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = '\0';
        if (*line) {
            read_processor_line(line, &processor);
        } else {
            add_processor(sockets, &count, &processor);
            processor = (struct processor){0};
        }
    }
    if (file) {
        (void)fclose(file);
    }
    if (count == 0) {
        return json_null();
    }
    json_t *cpus = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(
            cpus, json_pack("{s:s, s:i, s:i, s:i, s:i, s:s}", "model", sockets[i].model, "cores",
                            sockets[i].cores, "threads", sockets[i].threads, "socket", sockets[i].id,
                            "freqMHz", sockets[i].mhz, "microcode", sockets[i].microcode));
    }
    return cpus;
}

static json_t *collect_memory(const char *root)
{
    char text[TEXT_SIZE];
    read_text(text, root, "/proc/meminfo"); // MemTotal is its first line
    uint64_t kib = strncmp(text, "MemTotal:", 9) == 0 ? to_number(text + 9) : 0;
    return json_pack("{s:I}", "totalBytes", (json_int_t)(kib * 1024));
}

static json_t *describe_disk(const char *root, const char *name)
{
    char model[TEXT_SIZE], serial[TEXT_SIZE], firmware[TEXT_SIZE], size[TEXT_SIZE], rotational[TEXT_SIZE];
    char sas[TEXT_SIZE];
    read_text(model, root, "/sys/block/%s/device/model", name);
    read_text(serial, root, "/sys/block/%s/device/serial", name);
    if (!*serial) {
        read_text(serial, root, "/sys/block/%s/serial", name); // virtio
    }
    read_text(firmware, root, "/sys/block/%s/device/firmware_rev", name);
    if (!*firmware) {
        read_text(firmware, root, "/sys/block/%s/device/rev", name);
    }
    read_text(size, root, "/sys/block/%s/size", name);
    read_text(rotational, root, "/sys/block/%s/queue/rotational", name);
    read_text(sas, root, "/sys/block/%s/device/sas_address", name);
    bool is_nvme = strncmp(name, "nvme", 4) == 0;
    bool is_rotating = *rotational == '1';
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:b}", "name", name, "model", model, "serial",
                     serial, "sizeBytes", (json_int_t)(to_number(size) * 512), "type",
                     is_rotating ? "HDD" : is_nvme ? "NVMe" : "SSD", "transport",
                     is_nvme ? "NVMe" : *sas ? "SAS" : "SATA", "firmware", firmware, "rotational",
                     is_rotating);
}

static json_t *describe_nic(const char *root, const char *name)
{
    char driver[TEXT_SIZE], mac[TEXT_SIZE], address[TEXT_SIZE], speed[TEXT_SIZE], vfs[TEXT_SIZE];
    read_link(driver, root, "/sys/class/net/%s/device/driver", name);
    read_link(address, root, "/sys/class/net/%s/device", name);
    read_text(mac, root, "/sys/class/net/%s/address", name);
    read_text(speed, root, "/sys/class/net/%s/speed", name);
    read_text(vfs, root, "/sys/class/net/%s/device/sriov_totalvfs", name);
    if (!*address) {
        return NULL; // made by software
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "name", name, "driver", driver, "mac", mac,
                     "pciAddr", address, "speed", speed, "sriovVfs", (int)to_number(vfs), "firmware", "");
}

static json_t *describe_pci(const char *root, const char *name)
{
    char vendor[TEXT_SIZE], device[TEXT_SIZE], class[TEXT_SIZE], driver[TEXT_SIZE], revision[TEXT_SIZE];
    read_text(vendor, root, "/sys/bus/pci/devices/%s/vendor", name);
    read_text(device, root, "/sys/bus/pci/devices/%s/device", name);
    read_text(class, root, "/sys/bus/pci/devices/%s/class", name);
    read_text(revision, root, "/sys/bus/pci/devices/%s/revision", name);
    read_link(driver, root, "/sys/bus/pci/devices/%s/driver", name);
    return json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*}", "address", name, "vendor", vendor, "device",
                     device, "class", class, "driver", *driver ? driver : NULL, "revision",
                     *revision ? revision : NULL);
}

static bool begins_with_any(const char *name, const char *const *prefixes)
{
    for (; *prefixes; prefixes++) {
        if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) {
            return true;
        }
    }
    return false;
}

static int is_entry(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

// One object for each entry of a folder, sorted by name; null when there is none.
static json_t *collect_folder(const char *root, const char *folder, const char *const *skip,
                              json_t *(*describe)(const char *root, const char *name))
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s%s", root, folder);
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_entry, alphasort);
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        if (i < ENTRIES_MAX && !begins_with_any(entries[i]->d_name, skip)) {
            json_t *item = describe(root, entries[i]->d_name);
            if (item) {
                (void)json_array_append_new(list, item);
            }
        }
        free(entries[i]);
    }
    free(entries);
    if (json_array_size(list) == 0) {
        json_decref(list);
        return json_null();
    }
    return list;
}

char *inventory_collect(const char *root, struct error *err)
{
    static const char *const no_disks[] = {"loop", "ram", "dm-", "sr", NULL};
    static const char *const no_nics[] = {"lo", "veth", "docker", "br-", "virbr", "bond", NULL};
    static const char *const none[] = {NULL};
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_now_ms(), now);
    CLEANUP_JSON json_t *pci = collect_folder(root, "/sys/bus/pci/devices", none, describe_pci);
    CLEANUP_JSON json_t *inventory = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o}", "timestamp", now, "system", collect_system(root), "cpus",
        collect_cpus(root), "memory", collect_memory(root), "disks",
        collect_folder(root, "/sys/block", no_disks, describe_disk), "nics",
        collect_folder(root, "/sys/class/net", no_nics, describe_nic));
    if (inventory && json_is_array(pci)) {
        (void)json_object_set(inventory, "pciDevices", pci);
    }
    char *text = inventory ? json_dumps(inventory, JSON_COMPACT) : NULL;
    if (!text) {
        (void)error_set(err, ERROR_IO, "out of memory for the inventory");
    }
    return text;
}
