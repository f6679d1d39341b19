// SPDX-License-Identifier: Apache-2.0

#include "handle_archive.h"

#include "archive.h"
#include "bootd.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/metrics.h"
#include "store/attempt.h"
#include "store/deployment.h"
#include "store/machine.h"
#include "store/store.h"
#include "web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// One fetch. `run` may run again when a group of writes is repeated: it begins by undoing itself.
struct fetching {
    struct bootd *daemon;
    struct web_request *request;
    char key[ATTEMPT_KEY_SIZE];
    char address[ATTEMPT_ADDRESS_SIZE];
    int claim;
    struct attempt attempt;
    struct attempt_refusal refused;
    struct machine machine;
    bool has_deployment;
    struct deployment deployment;
    char token[TOKEN_TEXT_SIZE], phone_home_token[TOKEN_TEXT_SIZE];
};

static void fetching_forget(struct fetching *fetching)
{
    machine_fini(&fetching->machine);
    deployment_fini(&fetching->deployment);
    fetching->has_deployment = false;
}

static void fetching_free(struct fetching *fetching)
{
    fetching_forget(fetching);
    explicit_bzero(fetching, sizeof(*fetching));
    free(fetching);
}

static int fetching_run(struct store_conn *conn, void *context, struct error *err)
{
    struct fetching *fetching = context;
    fetching_forget(fetching);
    if (attempt_fetch_archive(conn, fetching->key, fetching->address, fetching->claim,
                              &fetching->attempt, fetching->token, fetching->phone_home_token,
                              &fetching->refused, err) < 0) {
        return -1;
    }
    if (fetching->refused.code != ERROR_NONE) {
        return 0;
    }
    if (machine_by_id(conn, fetching->attempt.machine_id, &fetching->machine, err) < 0) {
        return -1;
    }
    fetching->has_deployment = fetching->attempt.deployment[0] != '\0';
    return fetching->has_deployment
               ? deployment_by_id(conn, fetching->attempt.deployment, &fetching->deployment, err)
               : 0;
}

static int ca_read(const char *path, struct strbuf *out, struct error *err)
{
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[8192];
    if (fd < 0) {
        return error_errno(err, errno, "the yard's CA, %s", path);
    }
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0) {
            return error_errno(err, errno, "the yard's CA, %s", path);
        }
        if (n == 0) {
            break;
        }
        strbuf_append(out, chunk, (size_t)n);
    }
    return strbuf_failed(out)
               ? error_set(err, ERROR_TOO_LARGE, "the yard's CA, %s, is larger than %d bytes", path,
                           ARCHIVE_CA_MAX)
               : 0;
}

static int fetching_reply(struct fetching *fetching, struct error *err)
{
    const struct bootd_config *config = &fetching->daemon->config;
    CLEANUP_STRBUF struct strbuf archive;
    CLEANUP_STRBUF struct strbuf ca;
    strbuf_init(&archive, ARCHIVE_MAX);
    strbuf_init(&ca, ARCHIVE_CA_MAX);
    if (ca_read(config->common.ca, &ca, err) < 0) {
        return -1;
    }
    struct archive_settings settings = {.machine = &fetching->machine,
                                        .deployment =
                                            fetching->has_deployment ? &fetching->deployment : NULL,
                                        .statusd_url = config->statusd_url,
                                        .token = fetching->token,
                                        .phone_home_token = fetching->phone_home_token,
                                        .ca = strbuf_text(&ca),
                                        .ca_length = ca.length,
                                        .now_ms = clock_now_ms()};
    if (archive_build(&settings, &archive, err) < 0) {
        return -1;
    }
    web_add_header(fetching->request, "Cache-Control", "no-store");
    web_reply_bytes(fetching->request, 200, "application/x-cpio", archive.data, archive.length);
    explicit_bzero(archive.data, archive.length);
    return 0;
}

static void fetching_done(void *context, int result, const struct error *write_err)
{
    struct fetching *fetching = context;
    struct error err = {0};
    if (result < 0) {
        err = *write_err;
    } else if (fetching->refused.code != ERROR_NONE) {
        result = error_set(&err, fetching->refused.code, "%s", fetching->refused.message);
        metric_add(fetching->daemon->refused, 1);
    } else {
        result = fetching_reply(fetching, &err);
        metric_add(fetching->daemon->archives, 1);
    }
    if (result < 0) {
        log_info("deploy archive for %s: %s", fetching->address, err.message);
        web_reply_error(fetching->request, &err);
    }
    fetching_free(fetching);
}

// Whose lease the address is can be asked only when the machine is known: a look before the write.
// The key decides in it.
static int fetching_claim(struct fetching *fetching)
{
    struct bootd *daemon = fetching->daemon;
    struct attempt attempt;
    struct machine machine = {0};
    struct error err;
    struct store_conn *conn = store_reader(daemon->store);
    if (attempt_by_key(conn, fetching->key, &attempt, &err) < 0 ||
        machine_by_id(conn, attempt.machine_id, &machine, &err) < 0) {
        return -1;
    }
    int claim = lease_reader_ask(&daemon->leases, daemon->config.lease_file, fetching->address,
                                 machine.macs, machine.mac_count);
    machine_fini(&machine);
    return claim;
}

void handle_archive(struct web_request *request, void *context)
{
    struct bootd *daemon = context;
    const char *key = web_arg(request, "key");
    struct error err;
    struct fetching *fetching = calloc(1, sizeof(*fetching));
    if (!fetching || strlen(key) >= sizeof(fetching->key)) {
        (void)error_set(&err, fetching ? ERROR_NOT_FOUND : ERROR_IO,
                        fetching ? "there is no such archive" : "out of memory");
        free(fetching);
        web_reply_error(request, &err);
        return;
    }
    fetching->daemon = daemon;
    fetching->request = request;
    snprintf(fetching->key, sizeof(fetching->key), "%s", key);
    snprintf(fetching->address, sizeof(fetching->address), "%s", web_peer_text(request));
    fetching->claim = fetching_claim(fetching);
    store_write(daemon->store, fetching_run, fetching_done, fetching);
}

void handle_no_effect(struct web_request *request, void *context)
{
    web_reply_empty(request, 200);
}
