// SPDX-License-Identifier: Apache-2.0
// A boot entry against bytes written down by hand from the UEFI specification, what is read out of
// others, and the order. Then the whole policy on a folder that stands for efivarfs.

#include "agent/boot/boot_entry.h"
#include "base/bytes.h"
#include "tests/unit/tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct efi_file_option example = {
    .description = "by a",
    .partition_number = 15,
    .partition_start = 2048,
    .partition_sectors = 0x4000,
    .partition_guid = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC,
                       0xDD, 0xEE, 0xFF},
    .file = "\\A.EFI",
};

// clang-format off
static const uint8_t example_bytes[] = {
    0x01, 0x00, 0x00, 0x00,                         // active
    0x40, 0x00,                                     // 64 bytes of device path
    'b', 0, 'y', 0, ' ', 0, 'a', 0, 0, 0,           // description
    0x04, 0x01, 0x2A, 0x00,                         // media, hard drive, 42 bytes
    0x0F, 0x00, 0x00, 0x00,
    0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
    0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
    0x02, 0x02,                                     // GPT, GUID
    0x04, 0x04, 0x12, 0x00,                         // media, file, 18 bytes
    '\\', 0, 'A', 0, '.', 0, 'E', 0, 'F', 0, 'I', 0, 0, 0,
    0x7F, 0xFF, 0x04, 0x00,                         // end
};
// An entry as OVMF makes for PXE: PCI root, PCI device, MAC, IPv4.
static const uint8_t network_bytes[] = {
    0x01, 0x00, 0x00, 0x00,
    0x56, 0x00,
    'n', 0, 0, 0,
    0x02, 0x01, 0x0C, 0x00, 0xD0, 0x41, 0x03, 0x0A, 0, 0, 0, 0,
    0x01, 0x01, 0x06, 0x00, 0x00, 0x02,
    0x03, 0x0B, 0x25, 0x00, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01,
    0x03, 0x0C, 0x1B, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0x7F, 0xFF, 0x04, 0x00,
};
// clang-format on

static void test_encoding(void)
{
    uint8_t option[EFI_OPTION_MAX];
    struct error err = {0};
    struct efi_option_view view;
    int length = efi_option_encode(&example, option, &err);
    ok(length == (int)sizeof(example_bytes), "the entry has %zu bytes: %d", sizeof(example_bytes),
       length);
    ok(memcmp(option, example_bytes, sizeof(example_bytes)) == 0,
       "and is what the specification says");
    ok(efi_option_decode(option, (size_t)length, &view, &err) == 0 && view.active && !view.network,
       "read back: active, no network");
    is_text(view.description, "by a", "with its description");
    ok(efi_option_decode(network_bytes, sizeof(network_bytes), &view, &err) == 0 && view.network,
       "a PXE entry is one of the network: %s", err.message);
    bool refused = true;
    for (size_t cut = 0; cut < sizeof(example_bytes); cut++) {
        refused = refused && efi_option_decode(example_bytes, cut, &view, &err) < 0;
    }
    ok(refused, "a cut entry is refused wherever it is cut");
    uint8_t looping[sizeof(network_bytes)];
    memcpy(looping, network_bytes, sizeof(looping));
    put_le16(looping + 12, 0); // a node of no length
    ok(efi_option_decode(looping, sizeof(looping), &view, &err) == 0 && !view.network,
       "no loop on a bad node");
}

static void test_order(void)
{
    uint16_t order[8] = {3, 1, 7};
    ok(efi_order_insert(order, 3, 9, true, 1) == 4 && order[0] == 3 && order[1] == 1 &&
           order[2] == 9 && order[3] == 7,
       "behind the network entry");
    ok(efi_order_insert(order, 4, 9, true, 1) == 4 && order[2] == 9,
       "doing it again changes nothing");
    ok(efi_order_insert(order, 4, 9, false, 0) == 4 && order[0] == 9 && order[1] == 3, "or first");
    ok(efi_order_insert(order, 4, 5, true, 77) == 5 && order[0] == 5,
       "first also if the other is not listed");
    ok(efi_order_insert(order, 0, 5, true, 77) == 1 && order[0] == 5, "into an empty order");
}

static char folder[] = "efivars.XXXXXX";
static struct efi_vars vars;

static void put(const char *name, const uint8_t *value, size_t length)
{
    struct error err = {0};
    ok(efi_var_write(&vars, name, value, length, &err) == 0, "%s is written: %s", name,
       err.message);
}

static void test_policy(void)
{
    struct error err = {0};
    uint8_t old[EFI_OPTION_MAX];
    struct efi_file_option mine = example;
    mine.description = BOOT_ENTRY_PREFIX "old";
    int length = efi_option_encode(&mine, old, &err);
    vars.plain = true;
    vars.folder = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY) : -1;
    put("Boot0000", example_bytes, sizeof(example_bytes));
    put("Boot0001", network_bytes, sizeof(network_bytes));
    put("Boot0002", old, (size_t)length);
    put("Boot000A", old, (size_t)length);
    put("BootOrder", (const uint8_t[]){0x0A, 0, 0, 0, 2, 0, 1, 0}, 8);
    put("BootCurrent", (const uint8_t[]){1, 0}, 2);

    uint16_t number = 0xFFFF;
    mine.description = BOOT_ENTRY_PREFIX "w1";
    ok(boot_entry_install(&vars, &mine, &number, &err) == 0, "the entry is made: %s", err.message);
    ok(number == 2, "in the place of our old one: %u", number);
    uint8_t value[EFI_VARIABLE_MAX];
    struct efi_option_view view;
    length = efi_var_read(&vars, "Boot0002", value, &err);
    ok(length > 0 && efi_option_decode(value, (size_t)length, &view, &err) == 0, "it can be read");
    is_text(view.description, "bootyard w1", "it is the new one");
    ok(efi_var_read(&vars, "Boot000A", value, &err) < 0 && err.code == ERROR_NOT_FOUND,
       "our other one has gone");
    length = efi_var_read(&vars, "BootOrder", value, &err);
    ok(length == 6 && memcmp(value, (const uint8_t[]){0, 0, 1, 0, 2, 0}, 6) == 0,
       "the order: as it was, ours behind the network");
    ok(efi_var_read(&vars, "BootNext", value, &err) < 0, "it is not yet asked for");
    number = 0xFFFF;
    ok(boot_entry_start_next(&vars, &number, &err) == 0 && number == 2, "then it is");
    ok(efi_var_read(&vars, "BootNext", value, &err) == 2 && value[0] == 2,
       "it is the next to be started");

    efi_var_delete(&vars, "Boot0002", &err);
    efi_var_delete(&vars, "BootCurrent", &err);
    ok(boot_entry_install(&vars, &mine, &number, &err) == 0 && number == 2,
       "a free number is taken");
    ok(efi_var_read(&vars, "BootOrder", value, &err) == 6 && value[0] == 2,
       "not from the network: first");
}

static void clean_up(void)
{
    DIR *dir = fdopendir(vars.folder);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        unlinkat(dirfd(dir), entry->d_name, 0);
    }
    closedir(dir);
    rmdir(folder);
}

int main(void)
{
    test_encoding();
    test_order();
    test_policy();
    clean_up();
    return done();
}
