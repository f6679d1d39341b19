// SPDX-License-Identifier: Apache-2.0
// The inventory's JSON (CAPRF facts, 1.9) out of a small tree of /proc and /sys.

#include "agent/hw/inventory.h"

#include "base/json.h"
#include "tests/unit/tap.h"

#include <ftw.h>
#include <sys/stat.h>

static char root[] = "/tmp/test_inventory.XXXXXX";

static void make_folders(char *path)
{
    for (char *slash = path + sizeof(root); (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
}

static void put(const char *name, const char *text)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s%s", root, name);
    make_folders(path);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        bail("writing %s", path);
    }
}

static void put_link(const char *name, const char *target)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s%s", root, name);
    make_folders(path);
    if (symlink(target, path) < 0) {
        bail("link %s", path);
    }
}

static json_t *collect(void)
{
    struct error error = {0};
    CLEANUP_FREE char *text = inventory_collect(root, &error);
    json_t *inventory = text ? json_loads(text, 0, NULL) : NULL;
    if (!inventory) {
        bail("no inventory: %s", error.message);
    }
    return inventory;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void test_empty(void)
{
    CLEANUP_JSON json_t *inventory = collect();
    ok(json_is_null(json_object_get(inventory, "cpus")) && json_is_null(json_object_get(inventory, "disks")) &&
           json_is_null(json_object_get(inventory, "nics")),
       "lists of nothing are null");
    ok(!json_object_get(inventory, "pciDevices"), "the list of PCI devices is left out");
    is_text(text_at(json_object_get(inventory, "system"), "vendor"), "", "what is not known is empty");
}

static void make_tree(void)
{
    put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\ncpu MHz\t\t: 2000.5\nphysical id\t: 0\n"
                         "cpu cores\t: 2\nmicrocode\t: 0x1\n\n"
                         "processor\t: 1\nmodel name\t: Some CPU\ncpu MHz\t\t: 1000\nphysical id\t: 0\n"
                         "cpu cores\t: 2\n\n"
                         "processor\t: 2\nmodel name\t: Other CPU\ncpu MHz\t\t: 3000\nphysical id\t: 1\n"
                         "cpu cores\t: 4\n\n");
    put("/proc/meminfo", "MemTotal:        1024 kB\nMemFree:  5 kB\n");
    put("/sys/class/dmi/id/sys_vendor", "  A \"Vendor\"\x01 \n");
    put("/sys/block/sda/size", "2048\n");
    put("/sys/block/sda/device/model", "Disk of rust    \n");
    put("/sys/block/sda/queue/rotational", "1\n");
    put("/sys/block/nvme0n1/size", "1\n");
    put("/sys/block/loop0/size", "1\n");
    put("/sys/block/vda/serial", "ser1");
    put("/sys/class/net/eth0/address", "52:54:00:00:00:01\n");
    put("/sys/class/net/eth0/speed", "-1\n");
    put_link("/sys/class/net/eth0/device", "../../../devices/pci0/0000:00:03.0");
    put("/sys/class/net/dummy0/address", "52:54:00:00:00:02\n");
    put("/sys/bus/pci/devices/0000:00:03.0/vendor", "0x1af4\n");
}

static void test_tree(void)
{
    make_tree();
    CLEANUP_JSON json_t *inventory = collect();
    is_text(text_at(json_object_get(inventory, "system"), "vendor"), "A \"Vendor\"", "a vendor, trimmed, without control bytes");
    const json_t *cpus = json_object_get(inventory, "cpus");
    const json_t *first = json_array_get(cpus, 0);
    ok(json_array_size(cpus) == 2 && json_integer_value(json_object_get(first, "threads")) == 2 &&
           json_integer_value(json_object_get(first, "cores")) == 2 &&
           json_integer_value(json_object_get(first, "freqMHz")) == 2000,
       "one CPU per socket, with cores, threads and the first one's frequency");
    ok(json_integer_value(json_object_get(json_object_get(inventory, "memory"), "totalBytes")) == 1024 * 1024,
       "memory in bytes");
    const json_t *disks = json_object_get(inventory, "disks");
    ok(json_array_size(disks) == 3, "loop devices are no disks");
    const json_t *rust = json_array_get(disks, 1);
    is_text(text_at(rust, "model"), "Disk of rust", "a disk's model");
    ok(json_integer_value(json_object_get(rust, "sizeBytes")) == 2048 * 512 &&
           strcmp(text_at(rust, "type"), "HDD") == 0 && json_is_true(json_object_get(rust, "rotational")),
       "its size and kind");
    is_text(text_at(json_array_get(disks, 0), "transport"), "NVMe", "an NVMe disk");
    is_text(text_at(json_array_get(disks, 2), "serial"), "ser1", "a virtio disk's serial");
    const json_t *nics = json_object_get(inventory, "nics");
    ok(json_array_size(nics) == 1, "a NIC without device is none");
    is_text(text_at(json_array_get(nics, 0), "pciAddr"), "0000:00:03.0", "where it sits");
    is_text(text_at(json_array_get(nics, 0), "speed"), "-1", "its speed is text");
    const json_t *pci = json_array_get(json_object_get(inventory, "pciDevices"), 0);
    ok(json_is_string(json_object_get(pci, "vendor")) && !json_object_get(pci, "driver"),
       "a PCI device without driver has none");
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

int main(void)
{
    if (!mkdtemp(root)) {
        bail("mkdtemp");
    }
    test_empty();
    test_tree();
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return done();
}
