// SPDX-License-Identifier: Apache-2.0
// Which module files are loaded, and in which order, for a name or a device's alias.

#include "agent/init/modules.h"

#include "tests/unit/tap.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test_modules.XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[100];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        bail("writing %s", path);
    }
}

// The plan as one text with spaces between.
static const char *plan(struct modules *modules, const char *request)
{
    static char text[1000];
    const char *paths[MODULES_PLAN_MAX];
    size_t count = modules_plan(modules, request, paths);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "", paths[i]);
    }
    return text;
}

int main(void)
{
    if (!mkdtemp(dir)) {
        bail("mkdtemp");
    }
    struct error error = {0};
    ok(!modules_open(dir, &error) && strstr(error.message, "modules.dep"), "a tree without modules.dep is none");
    write_file("modules.dep", "fs/ext4.ko: lib/crc16.ko fs/mbcache.ko fs/jbd2.ko\n"
                              "lib/crc16.ko:\nfs/mbcache.ko:\nfs/jbd2.ko:\n"
                              "net/virtio-net.ko: net/failover.ko\nnet/failover.ko:\n"
                              "net/other.ko.xz: net/failover.ko\n"
                              "half a line\n");
    write_file("modules.alias", "# comment\n"
                                "alias fs-ext4 ext4\n"
                                "alias virtio:d00000001v* virtio_net\n"
                                "alias pci:v00008086d*sv*sd*bc02sc00i* other\n"
                                "alias pci:v00008086d00001[05]*sv* virtio_net\n"
                                "alias broken\n"
                                "alias nowhere missing_module\n");
    struct modules *modules = modules_open(dir, &error);
    ok(modules != NULL, "a tree is read");
    is_text(plan(modules, "nothing"), "", "an unknown name asks for nothing");
    is_text(plan(modules, "nowhere"), "", "nor does an alias of a module that is not there");
    is_text(plan(modules, "fs-ext4"), "fs/jbd2.ko fs/mbcache.ko lib/crc16.ko fs/ext4.ko",
            "what a module needs comes before it, the deepest first");
    is_text(plan(modules, "ext4"), "", "what was planned is not planned again");
    is_text(plan(modules, "virtio:d00000001v00001AF4"), "net/failover.ko net/virtio-net.ko",
            "an alias with wildcards; dashes and underscores are one");
    is_text(plan(modules, "pci:v00008086d0000ABCDsv1sd2bc02sc00i00"), "net/other.ko.xz",
            "a need that is met is not repeated");
    modules_free(modules);

    modules = modules_open(dir, &error);
    is_text(plan(modules, "pci:v00008086d00001533sv1sd2bc02sc00i00"),
            "net/failover.ko net/other.ko.xz net/virtio-net.ko", "all modules for one device are loaded");
    is_text(plan(modules, "virtio_net"), "", "each once");
    modules_free(modules);

    char path[100];
    (void)snprintf(path, sizeof(path), "%s/modules.dep", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/modules.alias", dir);
    (void)unlink(path);
    (void)rmdir(dir);
    return done();
}
