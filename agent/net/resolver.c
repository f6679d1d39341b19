// SPDX-License-Identifier: Apache-2.0
// Only addresses and a checked domain reach the files: a DHCP server cannot write lines of its own.

#include "agent/net/resolver.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_SIZE = 256 };

static int write_file(const char *dir, const char *name, const char *mode, const char *text,
                      struct error *err)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    CLEANUP_FCLOSE FILE *file = fopen(path, mode);
    if (!file && errno == EEXIST) {
        return 0;
    }
    if (!file || fputs(text, file) < 0 || fflush(file) != 0) {
        return error_errno(err, errno, "writing %s", path);
    }
    return 0;
}

int resolver_write(const char *etc_dir, const struct dhcp_answer *lease, struct error *err)
{
    char text[512] = "";
    size_t used = 0;
    if (*lease->domain) {
        used += (size_t)snprintf(text, sizeof(text), "search %s\n", lease->domain);
    }
    for (size_t i = 0; i < lease->dns_count; i++) {
        char address[INET_ADDRSTRLEN];
        (void)inet_ntop(AF_INET, &lease->dns[i], address, sizeof(address));
        used += (size_t)snprintf(text + used, sizeof(text) - used, "nameserver %s\n", address);
    }
    if (mkdir(etc_dir, 0755) < 0 && errno != EEXIST) {
        return error_errno(err, errno, "making %s", etc_dir);
    }
    int result = write_file(etc_dir, "hosts", "wxe",
                            "127.0.0.1 localhost\n::1 localhost\n", err);
    return result < 0 ? result : write_file(etc_dir, "resolv.conf", "we", text, err);
}

void resolver_parse(const char *list, struct dhcp_answer *lease)
{
    while (*list && lease->dns_count < DHCP_DNS_MAX) {
        size_t length = strcspn(list, ", ");
        char address[INET_ADDRSTRLEN];
        if (length > 0 && length < sizeof(address)) {
            memcpy(address, list, length);
            address[length] = '\0';
            if (inet_pton(AF_INET, address, &lease->dns[lease->dns_count]) == 1) {
                lease->dns_count++;
            }
        }
        list += length;
        list += strspn(list, ", ");
    }
}
