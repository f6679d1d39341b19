// SPDX-License-Identifier: Apache-2.0
#pragma once

// A process that outlives the daemon that started it: its id and start time are kept in a file, so that a
// restarted daemon finds it again and never signals another process that got the same id. Threads: any, but one at a
// time for one file.

#include "base/error.h"

#include <stdbool.h>

// Start `argv` (NULL-terminated, absolute program) in a session of its own, standard input from /dev/null, output to
// `log_path` (appended, 0640); note it in `pid_path`. An exec that fails is reported here.
int process_start(char *const argv[], const char *pid_path, const char *log_path, struct error *err);

bool process_is_running(const char *pid_path);

// SIGTERM to its session's process group, SIGKILL after `timeout_ms` (at once when 0), until it is gone; 0 when it is.
int process_stop(const char *pid_path, unsigned timeout_ms, struct error *err);
