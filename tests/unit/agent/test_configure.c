// SPDX-License-Identifier: Apache-2.0
// What is written into a target, on a folder that stands for one: nothing may land outside it,
// whatever links the image holds.

#include "agent/os/configure.h"
#include "agent/os/tree.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "target.XXXXXX";
static int outside;
static int root;

static const char *content(int folder, const char *path)
{
    static char text[8192];
    int fd = openat(folder, path, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (n < 0) {
        return NULL;
    }
    text[n] = '\0';
    return text;
}

static void make_target(void)
{
    if (!mkdtemp(base)) {
        bail("no folder");
    }
    outside = open(base, O_RDONLY | O_DIRECTORY);
    mkdirat(outside, "root", 0755);
    mkdirat(outside, "root/etc", 0755);
    mkdirat(outside, "etc", 0755);
    root = openat(outside, "root", O_PATH | O_DIRECTORY);
}

static void test_hosts(void)
{
    struct strbuf out;
    struct error err = {0};
    strbuf_init(&out, 4096);
    static const char old[] = "127.0.0.1\tlocalhost\n127.0.1.1 image\n127.0.1.10 other\n::1 ip6";
    ok(hosts_with_name(old, sizeof(old) - 1, "w1.yard.example", &out, &err) == 0, "hosts are made");
    is_text(strbuf_text(&out),
            "127.0.0.1\tlocalhost\n127.0.1.1\tw1.yard.example w1\n127.0.1.10 other\n::1 ip6\n",
            "the old name's line is replaced, others stay");
    strbuf_reset(&out);
    hosts_with_name("", 0, "w1", &out, &err);
    is_text(strbuf_text(&out), "127.0.1.1\tw1\n", "or added");
    strbuf_fini(&out);
}

static void test_names(void)
{
    ok(hostname_is_valid("w1") && hostname_is_valid("node-7.yard.example"), "host names");
    ok(!hostname_is_valid("") && !hostname_is_valid("-a") && !hostname_is_valid("a b") &&
           !hostname_is_valid("a\nb") && !hostname_is_valid("../x") &&
           !hostname_is_valid("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
       "and none");
}

static void test_confinement(void)
{
    struct error err = {0};
    symlinkat("../../etc/escaped", root, "etc/hostname");
    ok(configure_hostname(root, "w1", &err) == 0, "a host name where a link was: %s", err.message);
    is_text(content(root, "etc/hostname"), "w1\n", "it is in the target");
    ok(strstr(content(root, "etc/hosts"), "127.0.1.1\tw1\n") != NULL, "so is /etc/hosts");
    ok(faccessat(outside, "etc/escaped", F_OK, 0) < 0, "nothing went where the link led");

    symlinkat("/etc", root, "lib");
    ok(tree_write(root, "lib/x/file", "a", 1, 0640, 0750, &err) == 0,
       "through an absolute link: %s", err.message);
    is_text(content(root, "etc/x/file"), "a", "which means the target's own folder");
    struct stat status;
    ok(fstatat(root, "etc/x", &status, 0) == 0 && (status.st_mode & 0777) == 0750,
       "with the folder's mode");
    ok(fstatat(root, "etc/x/file", &status, 0) == 0 && (status.st_mode & 0777) == 0640,
       "and the file's");

    symlinkat("../../..", root, "up");
    ok(tree_write(root, "up/etc/file", "b", 1, 0644, 0755, &err) == 0,
       "through one that leads up: %s", err.message);
    is_text(content(root, "etc/file"), "b", "stays inside");
    symlinkat("/proc/self/fd", root, "magic");
    ok(tree_write(root, "magic/3/file", "c", 1, 0644, 0755, &err) < 0,
       "a dangling way is refused: %s", err.message);
    mkfifoat(root, "etc/pipe", 0600);
    struct strbuf text;
    strbuf_init(&text, 100);
    ok(tree_read(root, "etc/pipe", &text, &err) < 0 && err.code == ERROR_UNPROCESSABLE,
       "a pipe does not hold us up");
    ok(tree_read(root, "etc/none", &text, &err) < 0 && err.code == ERROR_NOT_FOUND,
       "what is not there is not found");
    strbuf_fini(&text);
}

static void test_stamp(void)
{
    struct error err = {0};
    struct stamp stamp = {
        .deployment = "0197", .image = "sha256:abc", .time = "2026-11-22T03:04:05.678Z"};
    struct stamp back;
    ok(configure_read_stamp(root, &back, &err) < 0 && err.code == ERROR_NOT_FOUND, "no stamp yet");
    ok(configure_stamp(root, &stamp, &err) == 0, "the stamp is written: %s", err.message);
    ok(configure_read_stamp(root, &back, &err) == 0 && stamp_matches(&stamp, &back), "and read: %s",
       err.message);
    is_text(back.time, stamp.time, "with its time");
    snprintf(back.image, sizeof(back.image), "sha256:abd");
    ok(!stamp_matches(&stamp, &back), "another image is another stamp");
    ok(stamp_parse("DEPLOYMENT_ID=\"x\"\n", 18, &back, &err) < 0, "half a stamp is none: %s",
       err.message);
    ok(stamp_parse("a\0b", 3, &back, &err) < 0, "nor are bytes: %s", err.message);
}

static void test_phone_home(void)
{
    struct error err = {0};
    int fd = openat(outside, "agent", O_WRONLY | O_CREAT, 0600);
    ok(write(fd, "program", 7) == 7, "an agent");
    close(fd);
    char agent[256];
    char ca[256];
    snprintf(agent, sizeof(agent), "%s/agent", base);
    snprintf(ca, sizeof(ca), "%s/no-ca", base);
    struct phone_home_setup setup = {.url = "https://10.0.0.1:8444/phone-home",
                                     .token = "secret",
                                     .ca_file = ca,
                                     .agent_file = agent};
    ok(configure_phone_home(root, &setup, &err) == 0, "the phone-home is left: %s", err.message);
    is_text(content(root, "var/lib/bootyard/bootyard-agent"), "program", "the program");
    const char *conf = content(root, "var/lib/bootyard/phone-home.conf");
    ok(conf && strstr(conf, "PHONE_HOME_URL=\"https://10.0.0.1:8444/phone-home\"") &&
           strstr(conf, "PHONE_HOME_TOKEN=\"secret\"") && !strstr(conf, "CA_FILE"),
       "its configuration, without a CA that we have not");
    struct stat status;
    ok(fstatat(root, "var/lib/bootyard/phone-home.conf", &status, 0) == 0 &&
           (status.st_mode & 0777) == 0600,
       "for root only");
    ok(fstatat(root, "var/lib/bootyard/bootyard-agent", &status, 0) == 0 &&
           (status.st_mode & 0777) == 0755,
       "the program can be run");
    const char *unit = content(root, "etc/systemd/system/bootyard-phone-home.service");
    ok(unit && strstr(unit, "ExecStart=/var/lib/bootyard/bootyard-agent phone-home "
                            "/var/lib/bootyard/phone-home.conf\n"),
       "the unit runs it");
    char link[256] = "";
    ok(readlinkat(root, "etc/systemd/system/multi-user.target.wants/bootyard-phone-home.service",
                  link, sizeof(link) - 1) > 0,
       "it is enabled");
    is_text(link, "/etc/systemd/system/bootyard-phone-home.service", "by the usual link");

    snprintf(ca, sizeof(ca), "%s/agent", base);
    ok(configure_phone_home(root, &setup, &err) == 0 &&
           strstr(content(root, "var/lib/bootyard/phone-home.conf"),
                  "CA_FILE=\"/var/lib/bootyard/ca.pem\""),
       "with a CA, it is named");
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return remove(path);
}

int main(void)
{
    make_target();
    test_hosts();
    test_names();
    test_confinement();
    test_stamp();
    test_phone_home();
    nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return done();
}
