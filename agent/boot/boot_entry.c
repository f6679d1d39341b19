// SPDX-License-Identifier: Apache-2.0

// The policy of boot entries. Called by the provision pipeline after the commit.

#include "agent/boot/boot_entry.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

enum { OWN_MAX = 64 };

static void boot_name(uint16_t number, char name[EFI_NAME_SIZE])
{
    snprintf(name, EFI_NAME_SIZE, "Boot%04X", number);
}

static bool entry_view(const struct efi_vars *vars, uint16_t number,
                       struct efi_option_view *ret_view)
{
    char name[EFI_NAME_SIZE];
    uint8_t value[EFI_VARIABLE_MAX];
    boot_name(number, name);
    int length = efi_var_read(vars, name, value, NULL);
    return length >= 0 && efi_option_decode(value, (size_t)length, ret_view, NULL) == 0;
}

// The number to use: our own old entry's, else the first free one. All other entries of ours are
// removed and counted out of the order by the caller.
static int number_choose(const struct efi_vars *vars, uint16_t *ret_number, uint16_t *removed,
                         size_t *ret_removed, struct error *err)
{
    uint16_t numbers[EFI_ORDER_MAX];
    size_t count = efi_boot_numbers(vars, numbers, EFI_ORDER_MAX);
    uint16_t free_number = 0;
    bool found = false;
    *ret_removed = 0;
    for (size_t i = 0; i < count; i++) {
        struct efi_option_view view;
        if (numbers[i] == free_number) {
            free_number++;
        }
        if (!entry_view(vars, numbers[i], &view) ||
            strncmp(view.description, BOOT_ENTRY_PREFIX, sizeof(BOOT_ENTRY_PREFIX) - 1) != 0) {
            continue;
        }
        if (!found) {
            found = true;
            *ret_number = numbers[i];
        } else if (*ret_removed < OWN_MAX) {
            char name[EFI_NAME_SIZE];
            boot_name(numbers[i], name);
            if (efi_var_delete(vars, name, err) < 0) {
                return -1;
            }
            removed[(*ret_removed)++] = numbers[i];
        }
    }
    if (!found) {
        *ret_number = free_number;
    }
    return 0;
}

static size_t order_read(const struct efi_vars *vars, uint16_t *order)
{
    uint8_t value[EFI_VARIABLE_MAX];
    int length = efi_var_read(vars, "BootOrder", value, NULL);
    size_t count = length > 0 ? (size_t)length / 2 : 0;
    count = count < EFI_ORDER_MAX ? count : EFI_ORDER_MAX;
    for (size_t i = 0; i < count; i++) {
        order[i] = get_le16(value + i * 2);
    }
    return count;
}

static size_t order_without(uint16_t *order, size_t count, const uint16_t *removed,
                            size_t removed_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool drop = false;
        for (size_t j = 0; j < removed_count; j++) {
            drop = drop || order[i] == removed[j];
        }
        if (!drop) {
            order[kept++] = order[i];
        }
    }
    return kept;
}

// Did this boot come over the network, and by which entry?
static bool network_boot(const struct efi_vars *vars, uint16_t *ret_number)
{
    uint8_t value[EFI_VARIABLE_MAX];
    struct efi_option_view view;
    if (efi_var_read(vars, "BootCurrent", value, NULL) != 2) {
        return false;
    }
    *ret_number = get_le16(value);
    return entry_view(vars, *ret_number, &view) && view.network;
}

int boot_entry_install(const struct efi_vars *vars, const struct efi_file_option *file,
                       uint16_t *ret_number, struct error *err)
{
    uint16_t number = 0;
    uint16_t removed[OWN_MAX];
    size_t removed_count = 0;
    uint8_t option[EFI_OPTION_MAX];
    int length = efi_option_encode(file, option, err);
    if (length < 0 || number_choose(vars, &number, removed, &removed_count, err) < 0) {
        return -1;
    }
    char name[EFI_NAME_SIZE];
    boot_name(number, name);
    if (efi_var_write(vars, name, option, (size_t)length, err) < 0) {
        return -1;
    }
    uint16_t order[EFI_ORDER_MAX + 1];
    uint16_t current = 0;
    bool from_network = network_boot(vars, &current);
    size_t count = order_read(vars, order);
    count = order_without(order, count, removed, removed_count);
    count = efi_order_insert(order, count, number, from_network, current);
    uint8_t value[(EFI_ORDER_MAX + 1) * 2];
    for (size_t i = 0; i < count; i++) {
        put_le16(value + i * 2, order[i]);
    }
    if (efi_var_write(vars, "BootOrder", value, count * 2, err) < 0) {
        return -1;
    }
    *ret_number = number;
    return 0;
}

int boot_entry_start_next(const struct efi_vars *vars, uint16_t *ret_number, struct error *err)
{
    uint16_t numbers[EFI_ORDER_MAX];
    size_t count = efi_boot_numbers(vars, numbers, EFI_ORDER_MAX);
    for (size_t i = 0; i < count; i++) {
        struct efi_option_view view;
        if (!entry_view(vars, numbers[i], &view) ||
            strncmp(view.description, BOOT_ENTRY_PREFIX, sizeof(BOOT_ENTRY_PREFIX) - 1) != 0) {
            continue;
        }
        uint8_t next[2];
        put_le16(next, numbers[i]);
        *ret_number = numbers[i];
        return efi_var_write(vars, "BootNext", next, sizeof(next), err);
    }
    return error_set(err, ERROR_NOT_FOUND, "the firmware has no entry of ours");
}
