// SPDX-License-Identifier: Apache-2.0

#include "handle_boot.h"

#include "bootd.h"
#include "resolver.h"
#include "script.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "service/metrics.h"
#include "store/attempt.h"
#include "store/deployment.h"
#include "store/machine.h"
#include "store/store.h"
#include "web/web.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_S = 60, WAIT_SHORT_S = 10, URL_SIZE = 1024 };

// One asking of a machine's firmware. What the writer's thread needs is copied in; it may run more
// than once.
struct asking {
    struct bootd *daemon;
    struct web_request *request;
    bool has_mac, has_uuid;
    struct mac mac;
    struct uuid uuid;
    char serial[MACHINE_SERIAL_SIZE];
    char path[URL_SIZE]; // of this question, to ask again
    char address[ATTEMPT_ADDRESS_SIZE];
    int claim;
    struct boot_settings settings;
    enum policy policy; // for this machine, when no deployment says more
    unsigned enrol_per_hour, enrol_max;
    bool known;
    struct machine machine;
    // The answer.
    enum boot_answer answer;
    struct attempt attempt;
    char reason[DEPLOYMENT_REASON_SIZE];
};

static void asking_free(struct asking *asking)
{
    machine_fini(&asking->machine);
    free(asking);
}

// ---- replies

static void reply_script(struct asking *asking, int made, const struct strbuf *script,
                         const struct error *err)
{
    if (made < 0 || strbuf_failed(script)) {
        log_err("the script for %s cannot be made: %s", asking->address,
                made < 0 ? err->message : "it is too long");
        web_reply_text(asking->request, 200, "text/plain",
                       "#!ipxe\necho bootyard: this script could not be made, see bootd's "
                       "log\nsleep 60\nexit 1\n");
    } else {
        web_add_header(asking->request, "Cache-Control", "no-store");
        web_reply_text(asking->request, 200, "text/plain", strbuf_text(script));
    }
    metric_add(asking->daemon->scripts, 1);
    asking_free(asking);
}

static void reply_wait(struct asking *asking, const char *text, unsigned seconds)
{
    CLEANUP_STRBUF struct strbuf script;
    char url[BASE_URL_SIZE + URL_SIZE], base[BASE_URL_SIZE];
    struct error err = {0};
    strbuf_init(&script, SCRIPT_MAX);
    bootd_config_base_url(&asking->daemon->config, base);
    snprintf(url, sizeof(url), "%s%s", base, asking->path);
    int made = script_wait(&script, text, seconds, url, &err);
    reply_script(asking, made, &script, &err);
}

static void reply_disk(struct asking *asking, const char *text)
{
    CLEANUP_STRBUF struct strbuf script;
    char url[BASE_URL_SIZE + 64] = "", base[BASE_URL_SIZE];
    struct error err = {0};
    const struct bootd_config *config = &asking->daemon->config;
    int arch = asking->known ? arch_parse(asking->machine.arch) : ARCH_AMD64;
    strbuf_init(&script, SCRIPT_MAX);
    if (arch >= 0 && config->arches[arch].loader[0] != '\0') {
        bootd_config_base_url(config, base);
        snprintf(url, sizeof(url), "%s/boot/%s/loader.efi", base, arch_name((enum arch)arch));
    }
    int made = script_disk(&script, text, url, &err);
    reply_script(asking, made, &script, &err);
}

static void reply_ignore(struct asking *asking, const char *text)
{
    CLEANUP_STRBUF struct strbuf script;
    struct error err = {0};
    strbuf_init(&script, SCRIPT_MAX);
    script_ignore(&script, text);
    reply_script(asking, 0, &script, &err);
}

// A label of the machine; caller frees, NULL when there is none.
static char *machine_label(const struct machine *machine, const char *name)
{
    CLEANUP_JSON json_t *labels = machine->labels ? json_loads(machine->labels, 0, NULL) : NULL;
    const char *value = json_string_value(json_object_get(labels, name));
    return value ? strdup(value) : NULL;
}

static void reply_agent(struct asking *asking)
{
    CLEANUP_STRBUF struct strbuf script;
    CLEANUP_FREE char *machine_args = machine_label(&asking->machine, "kernel-args");
    const struct bootd_config *config = &asking->daemon->config;
    const char *arch = asking->machine.arch;
    char base[BASE_URL_SIZE], kernel[BASE_URL_SIZE + 64], initramfs[BASE_URL_SIZE + 64],
        archive[BASE_URL_SIZE + 128], title[200];
    struct error err = {0};
    strbuf_init(&script, SCRIPT_MAX);
    bootd_config_base_url(config, base);
    snprintf(kernel, sizeof(kernel), "%s/boot/%s/vmlinuz", base, arch);
    snprintf(initramfs, sizeof(initramfs), "%s/boot/%s/initramfs", base, arch);
    snprintf(archive, sizeof(archive), "%s/deploy/%s/deploy.cpio", base, asking->attempt.key);
    snprintf(title, sizeof(title), "%s boots the agent, %s%s", asking->machine.name,
             asking->attempt.deployment[0] ? "deployment " : "standing by",
             asking->attempt.deployment);
    struct script_agent agent = {.title = title,
                                 .kernel_url = kernel,
                                 .initramfs_url = initramfs,
                                 .archive_url = archive,
                                 .args = config->arches[arch_parse(arch)].args,
                                 .machine_args = machine_args ? machine_args : ""};
    int made = script_agent(&script, &agent, &err);
    reply_script(asking, made, &script, &err);
}

static void reply_policy(struct asking *asking)
{
    const char *name =
        asking->known ? asking->machine.name : "this machine, which is not registered,";
    char text[200];
    if (asking->policy == POLICY_LOCAL) {
        snprintf(text, sizeof(text), "%s has no deployment: boot your disk", name);
        reply_disk(asking, text);
    } else {
        snprintf(text, sizeof(text), "%s has no deployment and is ignored", name);
        reply_ignore(asking, text);
    }
}

static void reply_answer(struct asking *asking)
{
    char text[DEPLOYMENT_REASON_SIZE + 100];
    snprintf(text, sizeof(text), "%s: %s",
             asking->known ? asking->machine.name : "an unknown machine", asking->reason);
    switch (asking->answer) {
    case BOOT_AGENT:
        reply_agent(asking);
        break;
    case BOOT_DISK:
        reply_disk(asking, text);
        break;
    case BOOT_WAIT:
    case BOOT_REASON:
        reply_wait(asking, text, WAIT_S);
        break;
    case BOOT_POLICY:
        reply_policy(asking);
        break;
    }
}

// ---- the decision, on the writer's thread

static int decide_known(struct store_conn *conn, struct asking *asking, struct error *err)
{
    struct machine *machine = &asking->machine;
    if (machine_seen(conn, machine->id, clock_now_ms(), err) < 0 ||
        attempt_serve(conn, machine, asking->address, asking->claim, &asking->settings,
                      &asking->answer, &asking->attempt, asking->reason, err) < 0) {
        return -1;
    }
    if (asking->answer != BOOT_POLICY) {
        return 0;
    }
    if (asking->policy == POLICY_DISCOVER) {
        return attempt_serve_standby(conn, machine, asking->address, asking->claim,
                                     &asking->settings, &asking->answer, &asking->attempt,
                                     asking->reason, err);
    }
    return attempt_told(conn, machine, asking->address,
                        asking->policy == POLICY_LOCAL ? "boot your disk" : "ignore",
                        "there is no deployment", err);
}

static int asking_run(struct store_conn *conn, void *context, struct error *err)
{
    struct asking *asking = context;
    if (asking->known) {
        return decide_known(conn, asking, err);
    }
    machine_fini(&asking->machine);
    asking->machine = (struct machine){0};
    if (machine_enrol(conn, &asking->mac, asking->has_uuid ? &asking->uuid : NULL,
                      asking->enrol_per_hour, asking->enrol_max, &asking->machine, err) < 0) {
        return -1;
    }
    return attempt_serve_standby(conn, &asking->machine, asking->address, asking->claim,
                                 &asking->settings, &asking->answer, &asking->attempt,
                                 asking->reason, err);
}

static void asking_done(void *context, int result, const struct error *err)
{
    struct asking *asking = context;
    if (result < 0) {
        // Also what changed between our look and the write (a machine deleted, a deployment begun):
        // asked again soon.
        log_warning("boot script for %s: %s", asking->address, err->message);
        reply_wait(asking, err->message, err->code == ERROR_TOO_MANY ? WAIT_S : WAIT_SHORT_S);
        return;
    }
    asking->known = true;
    reply_answer(asking);
}

// ---- who asks, on the loop's thread

// By UUID, then by MAC, then by serial: whatever the question names.
static int find_machine(struct asking *asking, struct error *err)
{
    struct store_conn *conn = store_reader(asking->daemon->store);
    struct error why = {.code = ERROR_NOT_FOUND};
    int r = -1;
    if (asking->has_uuid) {
        r = machine_by_uuid(conn, &asking->uuid, &asking->machine, &why);
    }
    if (r < 0 && why.code == ERROR_NOT_FOUND && asking->has_mac) {
        r = machine_by_mac(conn, &asking->mac, &asking->machine, &why);
    }
    if (r < 0 && why.code == ERROR_NOT_FOUND && asking->serial[0] != '\0') {
        r = machine_by_serial(conn, asking->serial, &asking->machine, &why);
    }
    asking->known = r == 0;
    return r < 0 && why.code != ERROR_NOT_FOUND ? error_set(err, why.code, "%s", why.message) : 0;
}

// What the machine is given to boot has to be there, or the firmware would go on to whatever comes
// next.
static bool can_boot_agent(struct asking *asking, const char *arch_text,
                           char text[RESOLVER_TEXT_SIZE])
{
    int arch = arch_parse(arch_text);
    if (arch < 0) {
        snprintf(text, RESOLVER_TEXT_SIZE, "there is no agent for the architecture %.16s",
                 arch_text);
        return false;
    }
    const struct arch_config *config = &asking->daemon->config.arches[arch];
    if (access(config->kernel, R_OK) < 0 || access(config->initramfs, R_OK) < 0) {
        snprintf(text, RESOLVER_TEXT_SIZE,
                 "the agent's kernel or initramfs for %s is missing on the server",
                 arch_name((enum arch)arch));
        log_warning("%s (%s, %s)", text, config->kernel, config->initramfs);
        return false;
    }
    return true;
}

// True when a script has to say that nothing can be booted yet; nothing is written then.
static bool must_wait(struct asking *asking, char text[RESOLVER_TEXT_SIZE])
{
    struct store_conn *conn = store_reader(asking->daemon->store);
    CLEANUP(deployment_fini) struct deployment deployment = {0};
    struct error err = {0};
    if (asking->known && deployment_current(conn, asking->machine.id, &deployment, &err) == 0) {
        if (deployment.state >= DEPLOYMENT_INSTALLED) {
            return false;
        }
        if (resolver_is_needed(&deployment) && !deployment.cancel_requested) {
            resolver_ask(asking->daemon->resolver, &deployment, asking->machine.arch, text);
            return true;
        }
    } else if (asking->policy != POLICY_DISCOVER) {
        return false;
    }
    return !can_boot_agent(asking, asking->known ? asking->machine.arch : arch_name(ARCH_AMD64),
                           text);
}

static void asking_configure(struct asking *asking)
{
    struct bootd *daemon = asking->daemon;
    const struct bootd_config *config = &daemon->config;
    const struct machine *machine = &asking->machine;
    snprintf(asking->address, sizeof(asking->address), "%s", web_peer_text(asking->request));
    asking->claim = lease_reader_ask(&daemon->leases, config->lease_file, asking->address,
                                     asking->known ? machine->macs : &asking->mac,
                                     asking->known ? machine->mac_count : asking->has_mac);
    asking->settings = (struct boot_settings){.serves_max = config->serves_max,
                                              .attempts_max = config->attempts_max,
                                              .live_ms = config->live * 1000};
    asking->enrol_per_hour = config->enrol_per_hour;
    asking->enrol_max = config->enrol_max;
    asking->policy = asking->known ? config->idle : config->unknown;
    // A machine that was enrolled stays discovered until somebody registers it.
    if (asking->known && machine->enrolled) {
        asking->policy = config->unknown;
    }
    CLEANUP_FREE char *label = asking->known ? machine_label(machine, "boot-policy") : NULL;
    if (label) {
        (void)policy_parse(label, &asking->policy, NULL);
    }
}

// Takes `asking`.
static void asking_start(struct asking *asking)
{
    struct error err = {0};
    char text[RESOLVER_TEXT_SIZE];
    if (find_machine(asking, &err) < 0) {
        log_err("boot script: %s", err.message);
        reply_wait(asking, "the machine DB cannot be read", WAIT_SHORT_S);
        return;
    }
    asking_configure(asking);
    if (must_wait(asking, text)) {
        reply_wait(asking, text, WAIT_SHORT_S);
        return;
    }
    if (!asking->known && asking->policy != POLICY_DISCOVER) {
        reply_policy(asking);
    } else if (!asking->known && !asking->has_mac) {
        reply_ignore(asking,
                     "this machine is not registered, and without its MAC it cannot be discovered");
    } else {
        store_write(asking->daemon->store, asking_run, asking_done, asking);
    }
}

// ---- routes

static struct asking *asking_new(struct web_request *request, void *context)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    struct error err;
    if (!asking) {
        (void)error_set(&err, ERROR_IO, "out of memory");
        web_reply_error(request, &err);
        return NULL;
    }
    asking->daemon = context;
    asking->request = request;
    return asking;
}

static void refuse(struct asking *asking, const struct error *why)
{
    struct error err;
    (void)error_set(&err, ERROR_BAD_REQUEST, "%s", why->message);
    web_reply_error(asking->request, &err);
    asking_free(asking);
}

// The chain script names the MAC besides; firmware that cannot expand it sends something else,
// which is no reason to fail.
static void take_mac_query(struct asking *asking)
{
    const char *mac = web_query(asking->request, "mac");
    if (mac && mac_parse(mac, &asking->mac, NULL) == 0) {
        asking->has_mac = true;
    }
}

void handle_boot_mac(struct web_request *request, void *context)
{
    struct error err;
    char mac[MAC_TEXT_SIZE];
    struct asking *asking = asking_new(request, context);
    if (!asking) {
        return;
    }
    if (mac_parse(web_arg(request, "mac"), &asking->mac, &err) < 0) {
        refuse(asking, &err);
        return;
    }
    asking->has_mac = true;
    mac_format(&asking->mac, mac);
    snprintf(asking->path, sizeof(asking->path), "/ipxe/mac/%s", mac);
    asking_start(asking);
}

void handle_boot_uuid(struct web_request *request, void *context)
{
    struct error err;
    char uuid[UUID_TEXT_SIZE], mac[MAC_TEXT_SIZE];
    struct asking *asking = asking_new(request, context);
    if (!asking) {
        return;
    }
    if (uuid_parse(web_arg(request, "uuid"), &asking->uuid, &err) < 0) {
        refuse(asking, &err);
        return;
    }
    asking->has_uuid = true;
    take_mac_query(asking);
    uuid_format(&asking->uuid, uuid);
    mac_format(&asking->mac, mac);
    snprintf(asking->path, sizeof(asking->path), asking->has_mac ? "/ipxe/%s?mac=%s" : "/ipxe/%s",
             uuid, mac);
    asking_start(asking);
}

void handle_boot_serial(struct web_request *request, void *context)
{
    struct error err;
    struct asking *asking = asking_new(request, context);
    if (!asking) {
        return;
    }
    const char *serial = web_arg(request, "serial");
    size_t length = strlen(serial), used = 0;
    bool good = length > 0 && length < sizeof(asking->serial);
    for (size_t i = 0; good && i < length; i++) {
        good = isprint((unsigned char)serial[i]);
    }
    if (!good) {
        (void)error_set(&err, ERROR_BAD_REQUEST, "a serial has 1 to %d printable characters",
                        MACHINE_SERIAL_SIZE - 1);
        refuse(asking, &err);
        return;
    }
    memcpy(asking->serial, serial, length + 1);
    take_mac_query(asking);
    used = (size_t)snprintf(asking->path, sizeof(asking->path), "/ipxe/serial/");
    for (size_t i = 0; i < length; i++) {
        bool plain = isalnum((unsigned char)serial[i]) || strchr("-._~", serial[i]);
        used += (size_t)snprintf(asking->path + used, sizeof(asking->path) - used,
                                 plain ? "%c" : "%%%02X", (unsigned char)serial[i]);
    }
    asking_start(asking);
}

void handle_chain(struct web_request *request, void *context)
{
    struct bootd *daemon = context;
    CLEANUP_STRBUF struct strbuf script;
    char base[BASE_URL_SIZE];
    struct error err;
    strbuf_init(&script, SCRIPT_MAX);
    bootd_config_base_url(&daemon->config, base);
    if (script_chain(&script, base, &err) < 0) {
        web_reply_error(request, &err);
        return;
    }
    web_reply_text(request, 200, "text/plain", strbuf_text(&script));
}
