// SPDX-License-Identifier: Apache-2.0
// Where every daemon listens: what its [listen] section says.

#include "web/web.h"

#include "conf/daemon.h"

int web_listen_daemon(struct web *web, const struct daemon_settings *settings, struct error *err)
{
    int result = 0;
    if (settings->http_port != 0) {
        struct web_listen plain = {.address = settings->address, .port = settings->http_port};
        result = web_add_listener(web, &plain, NULL, err);
    }
    if (result == 0 && settings->https_port != 0) {
        struct web_listen tls = {.address = settings->address,
                                 .port = settings->https_port,
                                 .certificate = settings->certificate,
                                 .key = settings->key};
        result = web_add_listener(web, &tls, NULL, err);
    }
    return result;
}
