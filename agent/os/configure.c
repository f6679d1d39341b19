// SPDX-License-Identifier: Apache-2.0

// Configuring the target between its mount and the commit. Called by the provision pipeline.

#include "agent/os/configure.h"

#include "agent/os/tree.h"
#include "agent/phone_home.h"
#include "base/cleanup.h"
#include "base/vars.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { HOSTNAME_MAX = 64, HOSTS_MAX = 256 * 1024, MODE_PUBLIC = 0644, MODE_FOLDER = 0755 };

// Where things lie in the target. phone_home.h has the absolute spelling of what its reader needs.
#define STATE_DIR "var/lib/bootyard"
#define AGENT_PATH STATE_DIR "/bootyard-agent"
#define CA_PATH STATE_DIR "/ca.pem"
#define UNIT_NAME "bootyard-phone-home.service"
#define UNIT_PATH "etc/systemd/system/" UNIT_NAME

static const char unit_text[] = "# Left by bootyard's agent. It tells the controller once that "
                                "this system runs, then removes itself.\n"
                                "[Unit]\n"
                                "Description=Tell bootyard that this system runs\n"
                                "Wants=network-online.target\n"
                                "After=network-online.target\n"
                                "ConditionPathExists=" PHONE_HOME_CONFIG "\n"
                                "StartLimitIntervalSec=0\n"
                                "\n"
                                "[Service]\n"
                                "ExecStart=/" AGENT_PATH " phone-home " PHONE_HOME_CONFIG "\n"
                                "Restart=on-failure\n"
                                "RestartSec=5\n"
                                "\n"
                                "[Install]\n"
                                "WantedBy=multi-user.target\n";

bool hostname_is_valid(const char *hostname)
{
    size_t length = strlen(hostname);
    if (length == 0 || length > HOSTNAME_MAX || !isalnum((unsigned char)hostname[0])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)hostname[i]) && hostname[i] != '-' && hostname[i] != '.') {
            return false;
        }
    }
    return true;
}

static void hosts_line(struct strbuf *out, const char *hostname)
{
    size_t label = strcspn(hostname, ".");
    strbuf_printf(out, "127.0.1.1\t%s", hostname);
    if (hostname[label] == '.') {
        strbuf_printf(out, " %.*s", (int)label, hostname);
    }
    strbuf_puts(out, "\n");
}

int hosts_with_name(const char *hosts, size_t length, const char *hostname, struct strbuf *out,
                    struct error *err)
{
    static const char address[] = "127.0.1.1";
    bool done = false;
    const char *end = hosts + length;
    for (const char *line = hosts; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t bytes = (size_t)((stop ? stop : end) - line);
        bool ours = bytes > sizeof(address) - 1 &&
                    memcmp(line, address, sizeof(address) - 1) == 0 &&
                    isspace((unsigned char)line[sizeof(address) - 1]);
        if (!ours) {
            strbuf_append(out, line, bytes);
            strbuf_puts(out, "\n");
        } else if (!done) {
            hosts_line(out, hostname);
            done = true;
        }
        line += bytes + 1;
    }
    if (!done) {
        hosts_line(out, hostname);
    }
    return strbuf_failed(out) ? error_set(err, ERROR_TOO_LARGE, "/etc/hosts is too long") : 0;
}

int configure_hostname(int root, const char *hostname, struct error *err)
{
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text, HOSTS_MAX);
    strbuf_printf(&text, "%s\n", hostname);
    if (tree_write(root, "etc/hostname", text.data, text.length, MODE_PUBLIC, MODE_FOLDER, err) <
        0) {
        return -1;
    }
    CLEANUP_STRBUF struct strbuf old;
    strbuf_init(&old, HOSTS_MAX);
    struct error read_error = {0};
    if (tree_read(root, "etc/hosts", &old, &read_error) < 0 && read_error.code != ERROR_NOT_FOUND) {
        if (err) {
            *err = read_error;
        }
        return -1;
    }
    if (old.length == 0) {
        strbuf_puts(&old, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    }
    strbuf_reset(&text);
    if (hosts_with_name(strbuf_text(&old), old.length, hostname, &text, err) < 0) {
        return -1;
    }
    return tree_write(root, "etc/hosts", text.data, text.length, MODE_PUBLIC, MODE_FOLDER, err);
}

static int copy_file(int root, const char *path, const char *from, mode_t mode, struct error *err)
{
    CLEANUP_CLOSE int source = open(from, O_RDONLY | O_CLOEXEC);
    if (source < 0) {
        return error_errno(err, errno, "opening %s", from);
    }
    return tree_copy(root, path, source, mode, MODE_FOLDER, err);
}

static int write_phone_home_config(int root, const struct phone_home_setup *setup, bool with_ca,
                                   struct error *err)
{
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text, VARS_LINE_MAX);
    if (vars_set(&vars, "PHONE_HOME_URL", setup->url, err) < 0 ||
        vars_set(&vars, "PHONE_HOME_TOKEN", setup->token ? setup->token : "", err) < 0 ||
        (with_ca && vars_set(&vars, "CA_FILE", "/" CA_PATH, err) < 0) ||
        vars_write(&vars, &text, err) < 0) {
        return -1;
    }
    int result =
        tree_write(root, &PHONE_HOME_CONFIG[1], text.data, text.length, 0600, MODE_FOLDER, err);
    explicit_bzero(text.data, text.length);
    return result;
}

int configure_phone_home(int root, const struct phone_home_setup *setup, struct error *err)
{
    bool with_ca = access(setup->ca_file, R_OK) == 0;
    if (copy_file(root, AGENT_PATH, setup->agent_file, 0755, err) < 0 ||
        (with_ca && copy_file(root, CA_PATH, setup->ca_file, MODE_PUBLIC, err) < 0) ||
        write_phone_home_config(root, setup, with_ca, err) < 0 ||
        tree_write(root, UNIT_PATH, unit_text, sizeof(unit_text) - 1, MODE_PUBLIC, MODE_FOLDER,
                   err) < 0) {
        return -1;
    }
    return tree_link(root, &PHONE_HOME_UNIT_LINK[1], "/" UNIT_PATH, err);
}

int configure_stamp(int root, const struct stamp *stamp, struct error *err)
{
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text, STAMP_TEXT_MAX);
    if (stamp_format(stamp, &text, err) < 0) {
        return -1;
    }
    return tree_write(root, STAMP_PATH, text.data, text.length, MODE_PUBLIC, MODE_FOLDER, err);
}

int configure_read_stamp(int root, struct stamp *ret_stamp, struct error *err)
{
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text, STAMP_TEXT_MAX);
    if (tree_read(root, STAMP_PATH, &text, err) < 0) {
        return -1;
    }
    return stamp_parse(strbuf_text(&text), text.length, ret_stamp, err);
}
