// SPDX-License-Identifier: Apache-2.0
#pragma once

// The firmware's variables through efivarfs. A folder stands for it, so that a test can bring a
// plain one. Only variables of the global vendor (8be4df61-...) are touched. Writing wears the
// board's flash: nothing is written that is there already.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EFI_VARIABLE_MAX = 4096, EFI_NAME_SIZE = 32 };

struct efi_vars {
    int folder;   // descriptor of the mounted efivarfs
    bool mounted; // by us
    bool plain;   // a test's plain folder: a shorter value must cut the file, as efivarfs does by
                  // itself
};

// Mounts efivarfs if need be. ERROR_NOT_FOUND on a machine without UEFI (or a kernel without
// efivarfs).
int efi_vars_open(struct efi_vars *vars, struct error *err);
void efi_vars_close(struct efi_vars *vars);

// Bytes of the value without its attributes, or negative; ERROR_NOT_FOUND if there is no such
// variable.
int efi_var_read(const struct efi_vars *vars, const char *name, uint8_t value[EFI_VARIABLE_MAX],
                 struct error *err);
int efi_var_write(const struct efi_vars *vars, const char *name, const uint8_t *value,
                  size_t length, struct error *err);
int efi_var_delete(const struct efi_vars *vars, const char *name, struct error *err);

// Numbers of all Boot#### variables, ascending; how many, at most `max`.
size_t efi_boot_numbers(const struct efi_vars *vars, uint16_t *numbers, size_t max);
