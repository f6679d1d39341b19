// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kernel's own file systems, as init mounts them.

// proc, sys, devtmpfs, run, tmp; what is mounted already stays. Failures are logged: there is nobody to return to.
void mounts_begin(void);
// The console becomes standard input, output and error (an initramfs need not hold /dev/console).
void mounts_console(void);
// UEFI's variables, once the module for them can be loaded. Nothing happens on a machine without UEFI.
void mounts_efivars(void);
// Before the machine restarts: write out what is dirty, for at most `limit_s`.
void mounts_flush(unsigned limit_s);
