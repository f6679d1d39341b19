// SPDX-License-Identifier: Apache-2.0
// Runs once in the life of an installed system, from a unit that os/ left there.

#include "agent/phone_home.h"

#include "agent/http.h"
#include "agent/settings.h"

#include "base/bytes.h"
#include "base/json.h"
#include "base/log.h"
#include "base/vars.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PAUSE_FIRST_S = 2,
    PAUSE_LAST_S = 60,
    TOTAL_MS = 30000,
    CONFLICTS_MAX = 1000, // most of a day
};

enum answer { ANSWER_OVER, ANSWER_CONFLICT, ANSWER_NONE };

static void read_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, (int)size, file)) {
        text[0] = '\0';
    }
    text[strcspn(text, "\n")] = '\0';
    if (file) {
        (void)fclose(file);
    }
}

static char *make_body(void)
{
    char hostname[256] = "";
    char boot_id[64];
    char machine_id[64];
    (void)gethostname(hostname, sizeof(hostname) - 1);
    read_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
    read_line("/etc/machine-id", machine_id, sizeof(machine_id));
    CLEANUP_JSON json_t *body = json_pack("{s:s, s:s, s:s}", "hostname", hostname, "boot_id", boot_id,
                                          "machine_id", machine_id);
    return body ? json_dumps(body, JSON_COMPACT) : NULL;
}

static enum answer call_once(const struct vars *conf, const char *body)
{
    const char *ca_file = vars_get(conf, "CA_FILE");
    struct http_request request = {
        .method = "POST",
        .url = vars_get(conf, "PHONE_HOME_URL"),
        .bearer = vars_get(conf, "PHONE_HOME_TOKEN"),
        .insecure_transport = vars_get_bool(conf, "INSECURE_TRANSPORT"),
        .ca_file = ca_file && *ca_file ? ca_file : NULL,
        .content_type = "application/json",
        .body = body,
        .body_length = strlen(body),
        .total_timeout_ms = TOTAL_MS,
    };
    struct http_response response = {0};
    struct error error = {0};
    if (http_perform(&request, &response, &error) < 0) {
        log_warning("phone-home: %s", error.message);
        return ANSWER_NONE;
    }
    if (response.status >= 200 && response.status < 300) {
        log_info("phone-home: acknowledged");
        return ANSWER_OVER;
    }
    if (response.status == 410) {
        log_notice("phone-home: the controller says it is over");
        return ANSWER_OVER;
    }
    log_warning("phone-home: the controller answered %d", response.status);
    return response.status == 409 ? ANSWER_CONFLICT : ANSWER_NONE;
}

static void remove_file(const char *path)
{
    if (unlink(path) < 0 && errno != ENOENT) {
        log_err("phone-home: removing %s: %s", path, strerror(errno));
    }
}

int phone_home(const char *config_path, const char *unit_link, struct error *err)
{
    CLEANUP_VARS struct vars conf;
    vars_init(&conf);
    int result = settings_read(config_path, &conf, err);
    if (result < 0) {
        return result;
    }
    if (!vars_get(&conf, "PHONE_HOME_URL") || !vars_get(&conf, "PHONE_HOME_TOKEN")) {
        return error_set(err, ERROR_UNPROCESSABLE, "%s names no URL or no token", config_path);
    }
    unsigned pause_s = PAUSE_FIRST_S;
    unsigned conflicts = 0;
    for (;;) {
        // Made afresh: the host name may be set while we wait.
        CLEANUP_FREE char *body = make_body();
        enum answer answer = body ? call_once(&conf, body) : ANSWER_NONE;
        // A disk that starts before its agent's SUCCESS was taken is told 409 until it is, or for ever if the
        // deployment has ended.
        conflicts += answer == ANSWER_CONFLICT ? 1 : 0;
        if (answer == ANSWER_OVER || conflicts == CONFLICTS_MAX) {
            break;
        }
        uint8_t chance;
        random_fill(&chance, sizeof(chance));
        (void)sleep(pause_s + chance % (pause_s / 2 + 1));
        pause_s = pause_s * 2 > PAUSE_LAST_S ? PAUSE_LAST_S : pause_s * 2;
    }
    // The token first: without it the rest can do nothing.
    remove_file(config_path);
    remove_file(unit_link);
    // A power cut in the next seconds would bring the token back.
    sync();
    return 0;
}
