// SPDX-License-Identifier: Apache-2.0
// The rules of access. Called by routes.c and handle_v2.c.

#include "access.h"

#include "imaged.h"

#include "store/deployment.h"
#include "store/store.h"
#include "web/web.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// IPv4 as IPv6, so that the two spellings of one address are one.
static bool address_bytes(const struct sockaddr *address, struct in6_addr *ret_bytes)
{
    if (address && address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        *ret_bytes = in6.sin6_addr;
        return true;
    }
    if (address && address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        *ret_bytes = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
        memcpy(ret_bytes->s6_addr + 12, &in.sin_addr, 4);
        return true;
    }
    return false;
}

static bool is_loopback(const struct in6_addr *bytes)
{
    return IN6_IS_ADDR_LOOPBACK(bytes) || (IN6_IS_ADDR_V4MAPPED(bytes) && bytes->s6_addr[12] == 127);
}

int access_check_host(struct web_request *request, struct error *err)
{
    struct in6_addr peer;
    if (!address_bytes(web_peer(request), &peer)) {
        return error_set(err, ERROR_FORBIDDEN, "only for this host");
    }
    bool own = is_loopback(&peer);
    struct ifaddrs *list = NULL;
    if (!own && getifaddrs(&list) < 0) {
        return error_errno(err, errno, "cannot list this host's addresses");
    }
    for (struct ifaddrs *item = list; item && !own; item = item->ifa_next) {
        struct in6_addr bytes;
        own = address_bytes(item->ifa_addr, &bytes) && memcmp(&bytes, &peer, sizeof(peer)) == 0;
    }
    freeifaddrs(list);
    return own ? 0 : error_set(err, ERROR_FORBIDDEN, "only for this host");
}

int access_check_digest(struct imaged *daemon, const char *digest, struct error *err)
{
    if (daemon->config.open) {
        return 0;
    }
    bool wanted = false;
    if (*digest && deployment_wants_digest(store_reader(daemon->store), digest, &wanted, err) < 0) {
        return -1;
    }
    return wanted ? 0 : error_set(err, ERROR_FORBIDDEN, "no deployment wants this image now");
}
