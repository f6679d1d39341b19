// SPDX-License-Identifier: Apache-2.0
// The rules of access. Called by routes.c and handle_v2.c.

#include "access.h"

#include "imaged.h"
#include "reference.h"

#include "base/cleanup.h"
#include "store/deployment.h"
#include "store/store.h"
#include "web/web.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void to_ipv4(const uint8_t bytes[4], struct sockaddr_storage *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    memcpy(&in.sin_addr, bytes, 4);
    *address = (struct sockaddr_storage){.ss_family = AF_INET};
    memcpy(address, &in, sizeof(in));
}

// The peer with port 0, IPv4 in its own family; its length, 0 if it is not of IP.
static socklen_t peer_address(struct web_request *request, struct sockaddr_storage *ret_address)
{
    const struct sockaddr *peer = web_peer(request);
    if (peer && peer->sa_family == AF_INET) {
        to_ipv4((const uint8_t *)&((const struct sockaddr_in *)(const void *)peer)->sin_addr,
                ret_address);
        return sizeof(struct sockaddr_in);
    }
    if (!peer || peer->sa_family != AF_INET6) {
        return 0;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, peer, sizeof(in6));
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        to_ipv4(in6.sin6_addr.s6_addr + 12, ret_address);
        return sizeof(struct sockaddr_in);
    }
    in6.sin6_port = 0;
    *ret_address = (struct sockaddr_storage){.ss_family = AF_INET6};
    memcpy(ret_address, &in6, sizeof(in6));
    return sizeof(in6);
}

// Only an address of this host can be bound to. (Listing them would need netlink, which the unit
// forbids.)
int access_check_host(struct web_request *request, struct error *err)
{
    struct sockaddr_storage address;
    socklen_t length = peer_address(request, &address);
    CLEANUP_CLOSE int fd = length ? socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, length) < 0) {
        return error_set(err, ERROR_FORBIDDEN, "only for this host");
    }
    return 0;
}

static bool is_named(void *context, const char *image_url, const char *fetch_url)
{
    const struct reference *wanted = context;
    struct reference named;
    if (strncmp(image_url, "oci://", 6) == 0 && reference_parse(image_url + 6, &named, NULL) == 0) {
        return strcmp(named.host, wanted->host) == 0 &&
               strcmp(named.repository, wanted->repository) == 0;
    }
    char name[REFERENCE_TEXT_SIZE];
    char part[REFERENCE_TEXT_SIZE + sizeof("/v2//")];
    reference_format_name(wanted, name);
    snprintf(part, sizeof(part), "/v2/%s/", name);
    return strstr(image_url, part) || strstr(fetch_url, part);
}

int access_check_content(struct imaged *daemon, const struct reference *reference,
                         struct error *err)
{
    if (daemon->config.open) {
        return 0;
    }
    bool wanted = false;
    struct reference asked = *reference;
    if (reference->digest[0] &&
        deployment_wants_digest(store_reader(daemon->store), reference->digest, is_named, &asked,
                                &wanted, err) < 0) {
        return -1;
    }
    return wanted ? 0 : error_set(err, ERROR_FORBIDDEN, "no deployment wants this image now");
}
