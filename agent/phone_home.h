// SPDX-License-Identifier: Apache-2.0
#pragma once

// The agent's second life: started by its unit in the installed system, it tells the controller once that
// the system is up, and then removes its own traces. os/ leaves the files, this reads them.

#include "base/error.h"

// The configuration: lines of the vars grammar with PHONE_HOME_URL, PHONE_HOME_TOKEN and CA_FILE (a
// path; absent: the system bundle). It holds the token: mode 0600, removed when the call is over.
#define PHONE_HOME_CONFIG "/var/lib/bootyard/phone-home.conf"
// What enables the unit; removed together with the configuration.
#define PHONE_HOME_UNIT_LINK "/etc/systemd/system/multi-user.target.wants/bootyard-phone-home.service"

// Calls until the controller acknowledges (2xx) or says that it is over (410; 409 for most of a day), then removes `config_path`
// and `unit_link`. Negative only when the configuration cannot be used.
int phone_home(const char *config_path, const char *unit_link, struct error *err);
