// SPDX-License-Identifier: Apache-2.0
// yardctl timeline: what happened to a machine, a line each.

#include "follow.h"
#include "yardctl.h"

#include <getopt.h>
#include <stdlib.h>

static const char timeline_usage[] =
    "timeline MACHINE [--follow] [--after SEQ] [--until-over DEPLOYMENT] [--timeout SECONDS]";

int cmd_timeline(const struct yardctl *ctl, int argc, char **argv, struct error *err)
{
    static const struct option options[] = {
        {"follow", no_argument, NULL, 'f'},
        {"after", required_argument, NULL, 'a'},
        {"until-over", required_argument, NULL, 'u'},
        {"timeout", required_argument, NULL, 't'},
        {0},
    };
    struct follow follow = {0};
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f':
            follow.endless = true;
            break;
        case 'a':
            follow.after = strtoll(optarg, NULL, 10);
            break;
        case 'u':
            follow.deployment = optarg;
            break;
        case 't':
            follow.timeout_ms = strtoll(optarg, NULL, 10) * 1000;
            break;
        default:
            return usage_error(err, timeline_usage);
        }
    }
    if (optind + 1 != argc || follow.after < 0 || follow.timeout_ms < 0) {
        return usage_error(err, timeline_usage);
    }
    follow.machine = argv[optind];
    return follow_run(ctl, &follow, err);
}
