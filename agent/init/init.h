// SPDX-License-Identifier: Apache-2.0
#pragma once

// PID 1 of the initramfs. It mounts, loads modules, reaps and pets the watchdog; the work is done by the worker,
// a child that may crash without taking the kernel along.

// Does not return: ends in a restart of the machine.
_Noreturn void init_main(void);
