// SPDX-License-Identifier: Apache-2.0
// The call of the installed system: repeated until it is taken or over, and nothing is left of it afterwards.

#include "agent/phone_home.h"

#include "base/strbuf.h"
#include "tests/unit/agent/peer.h"

#include "agent/http.h"

#include <fcntl.h>
#include <jansson.h>

static struct peer peer;
static char folder[] = "/tmp/test_phone_home.XXXXXX";
static char config[100];
static char link_path[100];

static int take_data(void *context, const void *data, size_t length, struct error *err)
{
    (void)err;
    strbuf_append(context, data, length);
    return 0;
}

static char *told(void)
{
    struct strbuf text;
    strbuf_init(&text, 100000);
    char url[100];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/seen", peer.plain_port);
    struct http_request request = {.method = "GET", .url = url, .on_data = take_data, .context = &text};
    struct http_response response;
    if (http_perform(&request, &response, NULL) < 0) {
        bail("the peer is gone");
    }
    return strbuf_take(&text);
}

static void prepare(const char *text)
{
    FILE *file = fopen(config, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        bail("writing %s", config);
    }
    (void)unlink(link_path);
    if (symlink("/nowhere", link_path) < 0) {
        bail("symlink");
    }
}

static bool is_there(const char *path)
{
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int call(const char *scheme, int port, const char *answers)
{
    char text[600];
    (void)snprintf(text, sizeof(text),
                   "export PHONE_HOME_URL=\"%s://127.0.0.1:%d/told/home/%s\"\n"
                   "export PHONE_HOME_TOKEN=\"p1\"\nexport CA_FILE=\"%s\"\n",
                   scheme, port, answers, peer.ca_file);
    prepare(text);
    struct error error = {0};
    return phone_home(config, link_path, &error);
}

static void test_acknowledged(void)
{
    ok(call("https", peer.tls_port, "503,204") == 0, "a call that is not taken at first is repeated, over TLS");
    ok(!is_there(config) && !is_there(link_path), "then the token and what started the unit are gone");
    char *text = told();
    const char *second = strstr(text, "home 204 p1 ");
    ok(strncmp(text, "home 503 p1 ", 12) == 0 && second, "two posts with the token");
    json_t *body = second ? json_loads(second + 12, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    char hostname[256] = "";
    (void)gethostname(hostname, sizeof(hostname) - 1);
    is_text(json_string_value(json_object_get(body, "hostname")), hostname, "the host name");
    const char *boot_id = json_string_value(json_object_get(body, "boot_id"));
    ok(boot_id && strlen(boot_id) == 36, "the boot id");
    ok(json_is_string(json_object_get(body, "machine_id")) && json_object_size(body) == 3, "the machine id");
    json_decref(body);
    free(text);
}

static void test_over(void)
{
    ok(call("http", peer.plain_port, "409,204") == 0, "409 is said before the installation is known: it is asked again");
    char *text = told();
    ok(strstr(text, "home 409 ") && strstr(text, "home 204 "), "until it is taken");
    free(text);
    ok(call("http", peer.plain_port, "410") == 0 && !is_there(config) && !is_there(link_path), "410 ends it");
    free(told());
}

static void test_unusable(void)
{
    struct error error = {0};
    prepare("export PHONE_HOME_URL=\"http://127.0.0.1:1/\"\n");
    ok(phone_home(config, link_path, &error) < 0 && is_there(config), "without a token nothing is called or removed");
    (void)unlink(config);
    ok(phone_home(config, link_path, &error) < 0, "nor without a configuration");
    (void)unlink(link_path);
}

int main(void)
{
    if (!mkdtemp(folder)) {
        bail("mkdtemp");
    }
    (void)snprintf(config, sizeof(config), "%s/phone-home.conf", folder);
    (void)snprintf(link_path, sizeof(link_path), "%s/unit", folder);
    peer = peer_start();
    test_acknowledged();
    test_over();
    test_unusable();
    peer_stop(&peer);
    (void)rmdir(folder);
    return done();
}
