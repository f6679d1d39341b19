// SPDX-License-Identifier: Apache-2.0
#pragma once

// Starts http_peer.py for a test and stops it again.

#include "tests/unit/tap.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct peer {
    pid_t pid;
    int stop_fd;
    int plain_port;
    int tls_port;
    int other_port;
    char ca_file[300];
};

static void peer_stop(const struct peer *peer)
{
    close(peer->stop_fd);
    (void)waitpid(peer->pid, NULL, 0);
}

static struct peer peer_start(void)
{
    const char *source = getenv("srcdir");
    char script[400];
    (void)snprintf(script, sizeof(script), "%s/tests/unit/agent/http_peer.py", source ? source : ".");
    int in[2];
    int out[2];
    if (pipe(in) < 0 || pipe(out) < 0) {
        bail("pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, in[1]);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    char program[] = "/usr/bin/python3";
    char *arguments[] = {program, script, NULL};
    struct peer peer = {.stop_fd = in[1]};
    if (posix_spawn(&peer.pid, program, &actions, NULL, arguments, environ) != 0) {
        bail("cannot start %s", script);
    }
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    FILE *lines = fdopen(out[0], "r");
    char line[400];
    while (lines && fgets(line, sizeof(line), lines)) {
        (void)sscanf(line, "PLAIN %d", &peer.plain_port);
        (void)sscanf(line, "TLS %d", &peer.tls_port);
        (void)sscanf(line, "OTHER %d", &peer.other_port);
        (void)sscanf(line, "CA %299s", peer.ca_file);
        if (strcmp(line, "READY\n") == 0) {
            fclose(lines);
            return peer;
        }
    }
    bail("the peer did not start");
}
