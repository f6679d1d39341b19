// SPDX-License-Identifier: Apache-2.0
// dnsmasq's lease file: its lines, and whose an address is while the file changes.

#include "daemons/bootd/leases.h"

#include "base/leases.h"
#include "store/attempt.h"

#include "tap.h"

#include <unistd.h>

static const char sample[] = "1700000000 52:54:00:00:00:01 10.0.0.5 w1 01:52:54:00:00:00:01\n"
                             "0 52:54:00:00:00:02 10.0.0.6 * *\n"
                             "soon 52:54:00:00:00:03 10.0.0.7 * *\n"
                             "1700000000 06-52:54:00:00:00:04 10.0.0.8 * *\n"
                             "1700000000 52:54:00:00:00:05 10.0.0.999 * *\n"
                             "duid 00:01:00:01:2a\n"
                             "1700000000 1234 2001:db8::5 * 00:01\n"
                             "\n"
                             "0 52:54:00:00:00:06 10.0.0.6";

struct find {
    const char *address;
    struct mac *mac;
    bool found;
};

static bool find_each(void *context, const struct lease *lease)
{
    struct find *find = context;
    if (strcmp(find->address, lease->address) == 0) {
        *find->mac = lease->mac;
        find->found = true;
    }
    return true;
}

static bool leases_find(const char *text, size_t length, const char *address, struct mac *ret_mac)
{
    struct find find = {.address = address, .mac = ret_mac};
    leases_parse(text, length, find_each, &find);
    return find.found;
}

static void test_parse(void)
{
    struct mac mac = {{0}};
    static const struct mac one = {{0x52, 0x54, 0, 0, 0, 1}}, six = {{0x52, 0x54, 0, 0, 0, 6}};
    size_t length = sizeof(sample) - 1;
    ok(leases_find(sample, length, "10.0.0.5", &mac) && memcmp(&mac, &one, sizeof(mac)) == 0,
       "an address and its MAC");
    ok(leases_find(sample, length, "10.0.0.6", &mac) && memcmp(&mac, &six, sizeof(mac)) == 0,
       "the last line counts, though it has no end");
    ok(!leases_find(sample, length, "10.0.0.7", &mac), "a bad time");
    ok(!leases_find(sample, length, "10.0.0.8", &mac), "no Ethernet address");
    ok(!leases_find(sample, length, "10.0.0.999", &mac), "no address");
    ok(!leases_find(sample, length, "2001:db8::5", &mac), "IPv6 leases name no MAC");
    ok(!leases_find(sample, 0, "10.0.0.5", &mac), "an empty file");
    char longer[5000];
    memset(longer, 'x', sizeof(longer));
    ok(!leases_find(longer, sizeof(longer), "x", &mac), "a line of nonsense");
}

static void put(const char *path, const char *text)
{
    char temporary[300];
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *file = fopen(temporary, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || rename(temporary, path) != 0) {
        bail("cannot write %s", path);
    }
}

static void test_reader(void)
{
    static const struct mac macs[] = {{{0x52, 0x54, 0, 0, 0, 9}}, {{0x52, 0x54, 0, 0, 0, 1}}};
    struct lease_reader reader = {0};
    char directory[] = "/tmp/test_leases.XXXXXX", path[200];
    if (!mkdtemp(directory)) {
        bail("no temporary folder");
    }
    snprintf(path, sizeof(path), "%s/leases", directory);
    ok(lease_reader_ask(&reader, "", "10.0.0.5", macs, 2) == -1,
       "no file is configured: nobody knows");
    ok(lease_reader_ask(&reader, path, "10.0.0.5", macs, 2) == -1,
       "a file that is not there: nobody knows");
    put(path, sample);
    ok(lease_reader_ask(&reader, path, "10.0.0.5", macs, 2) == 1, "an address of one of its MACs");
    ok(lease_reader_ask(&reader, path, "10.0.0.6", macs, 2) == CLAIM_FOREIGN, "somebody else's");
    ok(lease_reader_ask(&reader, path, "10.0.0.66", macs, 2) == CLAIM_UNLEASED,
       "nobody's, and the machine's own lease ran out long ago");
    ok(lease_reader_ask(&reader, path, "10.0.0.5", macs, 0) == -1, "a machine without known MACs");
    put(path, "0 52:54:00:00:00:09 10.0.0.6 * *\n");
    ok(lease_reader_ask(&reader, path, "10.0.0.6", macs, 2) == 1, "a changed file is read again");
    ok(lease_reader_ask(&reader, path, "10.0.0.66", macs, 2) == CLAIM_FOREIGN,
       "nobody's, and the machine has another one");
    ok(lease_reader_ask(&reader, path, "2001:db8::1", macs, 2) == CLAIM_UNLEASED,
       "of IPv6 the file says nothing");
    put(path, "1700000000 52:54:00:00:00:07 10.0.0.7 * *\n");
    ok(lease_reader_ask(&reader, path, "10.0.0.7", macs, 2) == CLAIM_UNLEASED,
       "somebody else's lease that ran out");
    unlink(path);
    ok(lease_reader_ask(&reader, path, "10.0.0.6", macs, 2) == -1, "a file that went away");
    lease_reader_fini(&reader);
    rmdir(directory);
}

int main(void)
{
    test_parse();
    test_reader();
    return done();
}
