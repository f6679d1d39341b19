// SPDX-License-Identifier: Apache-2.0
#pragma once

// The firmware's entry for the system that was installed.

#include "agent/boot/efi_load_option.h"
#include "agent/boot/efi_vars.h"

// Make (or renew) our entry and put it into BootOrder. In
// the order it comes directly behind the entry that this boot came by when that was a network
// entry: a machine that asks the yard first goes on asking first. Else it comes first. Entries of
// ours for former systems are removed. `ret_number` is the entry's. The path and disk are in
// `file`; its description begins with BOOT_ENTRY_PREFIX.
#define BOOT_ENTRY_PREFIX "bootyard "

// What firmware starts from a disk without being told, in \EFI\BOOT.
#if defined(__aarch64__)
#define EFI_LOADER_NAME "BOOTAA64.EFI"
#else
#define EFI_LOADER_NAME "BOOTX64.EFI"
#endif

int boot_entry_install(const struct efi_vars *vars, const struct efi_file_option *file,
                       uint16_t *ret_number, struct error *err);

// Ask for our entry at the next start (BootNext). Only once the yard knows that the system is installed: a machine that
// starts from its disk before is never asked for its stamp, and its phone-home comes too early.
int boot_entry_start_next(const struct efi_vars *vars, uint16_t *ret_number, struct error *err);
