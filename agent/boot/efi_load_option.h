// SPDX-License-Identifier: Apache-2.0
#pragma once

// EFI_LOAD_OPTION (UEFI 2.10, section 3.1.3): the bytes of a Boot#### variable, and lists such as
// BootOrder. No I/O, so that tests and fuzzers can have it. Threads: any.

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EFI_OPTION_MAX = 4096, EFI_DESCRIPTION_SIZE = 256, EFI_ORDER_MAX = 256 };

// A file on a partition of a disk with GPT.
struct efi_file_option {
    const char *description; // ASCII
    uint32_t partition_number;
    uint64_t partition_start; // sectors
    uint64_t partition_sectors;
    uint8_t partition_guid[16]; // as on disk
    const char *file;           // ASCII, with backslashes
};

// Bytes used in `option`, or negative (ERROR_TOO_LARGE).
int efi_option_encode(const struct efi_file_option *file, uint8_t option[EFI_OPTION_MAX],
                      struct error *err);

struct efi_option_view {
    bool active;
    bool network;                           // its device path goes through a network card
    char description[EFI_DESCRIPTION_SIZE]; // what is no ASCII becomes '?'
};

int efi_option_decode(const uint8_t *option, size_t length, struct efi_option_view *ret_view,
                      struct error *err);

// Where our entry goes in the order: directly behind `after` if that is in it, else first. `order`
// has room for count + 1; returns the new count. Every earlier mention of `own` is dropped.
size_t efi_order_insert(uint16_t *order, size_t count, uint16_t own, bool has_after,
                        uint16_t after);
