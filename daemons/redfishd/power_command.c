// SPDX-License-Identifier: Apache-2.0
// Driver "command": a machine that is on while a process of this host runs, the lab's virtual machines. The
// program and its arguments stand in redfishd.conf, never in a request: {"driver": "command", "name": "vm1"} only
// picks a section. Arguments go to exec as they are; there is no shell.

#include "power.h"

#include "config.h"
#include "process.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct command_paths {
    char pid[400];
    char log[400];
};

static const struct command_config *command_of(const struct power_target *target, struct error *err)
{
    const char *name = json_string_value(json_object_get(target->settings, "name"));
    const struct command_config *command = name ? redfishd_config_command(target->config, name) : NULL;
    if (!command) {
        (void)error_set(err, ERROR_UNPROCESSABLE, "redfishd.conf has no section [command %.64s]", name ? name : "");
    }
    return command;
}

static int paths_make(const struct power_target *target, const struct command_config *command,
                      struct command_paths *ret_paths, struct error *err)
{
    char folder[300];
    int wanted = snprintf(folder, sizeof(folder), "%s/power", target->run_dir);
    if (wanted < 0 || (size_t)wanted >= sizeof(folder)) {
        return error_set(err, ERROR_INTERNAL, "run_dir is too long");
    }
    if (mkdir(folder, 0750) < 0 && errno != EEXIST) {
        return error_errno(err, errno, "cannot make %s", folder);
    }
    // The section's name was checked when the configuration was read: letters, digits, - and _.
    (void)snprintf(ret_paths->pid, sizeof(ret_paths->pid), "%s/%s.pid", folder, command->name);
    (void)snprintf(ret_paths->log, sizeof(ret_paths->log), "%s/%s.log", folder, command->name);
    return 0;
}

static int command_check(const struct power_target *target, struct error *err)
{
    return command_of(target, err) ? 0 : -1;
}

static int command_is_on(const struct power_target *target, bool *ret_on, struct error *err)
{
    const struct command_config *command = command_of(target, err);
    struct command_paths paths;
    if (!command || paths_make(target, command, &paths, err) < 0) {
        return -1;
    }
    *ret_on = process_is_running(paths.pid);
    return 0;
}

static int command_turn_on(const struct power_target *target, struct error *err)
{
    const struct command_config *command = command_of(target, err);
    struct command_paths paths;
    if (!command || paths_make(target, command, &paths, err) < 0) {
        return -1;
    }
    if (process_is_running(paths.pid)) {
        return 0;
    }
    CLEANUP_FREE char **argv = calloc(command->start.count + 1, sizeof(*argv));
    if (!argv) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    memcpy(argv, command->start.items, command->start.count * sizeof(*argv));
    return process_start(argv, paths.pid, paths.log, err);
}

static int command_turn_off(const struct power_target *target, bool graceful, struct error *err)
{
    const struct command_config *command = command_of(target, err);
    struct command_paths paths;
    if (!command || paths_make(target, command, &paths, err) < 0) {
        return -1;
    }
    return process_stop(paths.pid, graceful ? command->stop_timeout * 1000 : 0, err);
}

const struct power_driver power_command_driver = {
    .name = "command",
    .check = command_check,
    .is_on = command_is_on,
    .turn_on = command_turn_on,
    .turn_off = command_turn_off,
};
