// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files inside the mounted target. Every path is resolved inside its root: a symbolic link in the
// image, absolute or with
// "..", cannot lead out of it (openat2 with RESOLVE_IN_ROOT). New content replaces a file by
// rename. `root` is a descriptor of the target's root folder; paths are relative to it. Threads:
// one at a time.

#include "base/error.h"
#include "base/strbuf.h"

#include <sys/types.h>

// A descriptor of the target file, read-only; ERROR_NOT_FOUND if there is none.
int tree_open(int root, const char *path, struct error *err);

// Up to `out->maximum` bytes of a regular file appended to `out`.
int tree_read(int root, const char *path, struct strbuf *out, struct error *err);

// Missing folders are made, 0755, but the last one's mode is `folder_mode` if it is new.
int tree_write(int root, const char *path, const void *data, size_t length, mode_t mode,
               mode_t folder_mode, struct error *err);

// The same with the content of an open file of ours.
int tree_copy(int root, const char *path, int source, mode_t mode, mode_t folder_mode,
              struct error *err);

// Symbolic link `path` -> `target`, in place of what was there.
int tree_link(int root, const char *path, const char *target, struct error *err);
