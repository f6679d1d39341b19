// SPDX-License-Identifier: Apache-2.0
#pragma once

// Kernel modules by name or alias, with what they depend on, from /lib/modules/<release> as depmod leaves
// it (modules.dep, modules.alias). Used by init for devices, and by the kernel itself through modprobe_main.

#include "base/error.h"

#include <stddef.h>

struct modules;

enum { MODULES_PLAN_MAX = 128 };

// A tree without modules.dep is an error; one without modules.alias knows names only.
struct modules *modules_open(const char *dir, struct error *err);
void modules_free(struct modules *modules);

// The files (relative to the tree) to load for a module's name or a device's alias, in order, each once and
// without those that were loaded before. Returns their number; 0: nothing fits.
size_t modules_plan(struct modules *modules, const char *request,
                    const char *ret_paths[MODULES_PLAN_MAX]);

// Loads them. 0 also when nothing fits; negative when one was refused by the kernel. What was tried is not tried again.
int modules_load(struct modules *modules, const char *request, struct error *err);

// How the kernel asks for a module: "<program> -q -- <request>". Returns the exit status.
int modprobe_main(int argc, char **argv);

// /lib/modules/<release of the running kernel>; `size` of 300 is enough.
void modules_dir(char *path, size_t size);
