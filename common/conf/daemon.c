// SPDX-License-Identifier: Apache-2.0
// The end of the settings that all daemons share.

#include "conf/daemon.h"

#include <stdlib.h>

void daemon_settings_fini(struct daemon_settings *settings)
{
    free(settings->state_dir);
    free(settings->run_dir);
    free(settings->address);
    free(settings->certificate);
    free(settings->key);
    free(settings->ca);
    free(settings->public_url);
    *settings = (struct daemon_settings){0};
}
