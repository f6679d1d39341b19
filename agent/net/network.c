// SPDX-License-Identifier: Apache-2.0
// One loop over all links until one of them leads to the controller.

#include "agent/net/network.h"

#include "agent/net/dhcp.h"
#include "agent/net/netlink.h"
#include "agent/net/resolver.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATE_PAUSE_MS = 2000, LIST_PERIOD_MS = 5000 };

// A link that has or seeks an address.
struct candidate {
    bool is_used;
    struct dhcp_client client;
    int64_t probe_ms; // monotonic; when it may be probed (again)
};

struct search {
    const struct network_wish *wish;
    int fd;     // asks
    int notice; // listens
    bool is_static;
    struct dhcp_answer fixed; // the static address as if it were leased
    struct candidate candidates[LINKS_MAX];
};

int network_parse_cidr(const char *text, struct in_addr *ret_address, uint8_t *ret_prefix,
                       struct error *err)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : 0;
    char *end = NULL;
    long prefix = slash && slash[1] >= '0' && slash[1] <= '9' ? strtol(slash + 1, &end, 10) : -1;
    struct in_addr parsed;
    if (length == 0 || length >= sizeof(address) || prefix < 1 || prefix > 32 || *end) {
        return error_set(err, ERROR_BAD_REQUEST, "not an address with prefix like 10.0.0.7/24");
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET, address, &parsed) != 1) {
        return error_set(err, ERROR_BAD_REQUEST, "not an IPv4 address");
    }
    *ret_address = parsed;
    *ret_prefix = (uint8_t)prefix;
    return 0;
}

static int read_static(struct search *search, struct error *err)
{
    const struct vars *vars = search->wish->vars;
    const char *address = vars_get(vars, "STATIC_IP");
    const char *gateway = vars_get(vars, "STATIC_GATEWAY");
    const char *resolver = vars_get(vars, "dns_resolver");
    if (!address || !*address) {
        return 0;
    }
    struct dhcp_answer *fixed = &search->fixed;
    if (network_parse_cidr(address, &fixed->address, &fixed->prefix, err) < 0) {
        return error_wrap(err, "STATIC_IP");
    }
    if (gateway && *gateway) {
        if (inet_pton(AF_INET, gateway, &fixed->routes[0].gateway) != 1) {
            return error_set(err, ERROR_BAD_REQUEST, "STATIC_GATEWAY is not an IPv4 address");
        }
        fixed->route_count = 1;
    }
    resolver_parse(resolver ? resolver : "", fixed);
    search->is_static = true;
    return 0;
}

static struct candidate *candidate_find(struct search *search, int index)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (search->candidates[i].is_used && search->candidates[i].client.link.index == index) {
            return &search->candidates[i];
        }
    }
    return NULL;
}

static void candidate_begin(struct search *search, const struct link *link)
{
    const char *wanted = vars_get(search->wish->vars, "STATIC_IFACE");
    if (search->is_static && wanted && *wanted && strcmp(wanted, link->name) != 0) {
        return;
    }
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct candidate *candidate = &search->candidates[i];
        if (candidate->is_used) {
            continue;
        }
        struct error error = {0};
        *candidate = (struct candidate){.client = {.fd = -1, .link = *link}};
        if (search->is_static) {
            candidate->client.answer = search->fixed;
            candidate->client.is_bound = true;
        } else if (dhcp_client_open(link, &candidate->client, &error) < 0) {
            log_warning("%s", error.message);
            return;
        }
        candidate->is_used = true;
        log_info("link has carrier iface=%s", link->name);
        return;
    }
}

static void candidate_end(struct candidate *candidate)
{
    dhcp_client_close(&candidate->client);
    candidate->is_used = false;
}

// Every link up, every wired one with carrier a candidate, none without.
static int look_at_links(struct search *search, struct error *err)
{
    struct link links[LINKS_MAX];
    size_t count = 0;
    int result = link_list(search->fd, links, &count, err);
    for (size_t i = 0; result == 0 && i < count; i++) {
        const struct link *link = &links[i];
        if (!link->is_up && (link->is_wired || link->is_loopback)) {
            struct error error = {0};
            if (link_up(search->fd, link->index, &error) < 0) {
                log_warning("%s: %s", link->name, error.message);
            }
        }
        struct candidate *candidate = candidate_find(search, link->index);
        bool is_ready = link->is_up && link->is_wired && link->has_carrier;
        if (is_ready && !candidate) {
            candidate_begin(search, link);
        } else if (!is_ready && candidate) {
            log_warning("link lost its carrier iface=%s", link->name);
            candidate_end(candidate);
        }
    }
    return result;
}

static void forget_address(struct search *search, const struct candidate *candidate)
{
    // The routes go with the address.
    (void)address_delete(search->fd, candidate->client.link.index, candidate->client.answer.address,
                         candidate->client.answer.prefix, NULL);
}

static int apply_address(struct search *search, const struct candidate *candidate, struct error *err)
{
    const struct link *link = &candidate->client.link;
    const struct dhcp_answer *lease = &candidate->client.answer;
    if (lease->mtu >= 576 && lease->mtu < link->mtu) {
        (void)link_set_mtu(search->fd, link->index, lease->mtu, NULL);
    }
    int result = address_add(search->fd, link->index, lease->address, lease->prefix, err);
    for (size_t i = 0; result == 0 && i < lease->route_count; i++) {
        const struct dhcp_route *route = &lease->routes[i];
        result = route_add(search->fd, link->index, route->network, route->prefix, route->gateway, err);
    }
    if (result == 0) {
        result = resolver_write(search->wish->etc_dir, lease, err);
    }
    return result;
}

// 0 when this candidate leads to the controller; else its address is gone again.
static int try_candidate(struct search *search, struct candidate *candidate, struct network *ret_network)
{
    char address[INET_ADDRSTRLEN];
    const char *iface = candidate->client.link.name;
    (void)inet_ntop(AF_INET, &candidate->client.answer.address, address, sizeof(address));
    log_info("network address iface=%s address=%s/%d", iface, address, candidate->client.answer.prefix);
    struct error error = {0};
    int result = apply_address(search, candidate, &error);
    if (result == 0 && search->wish->probe) {
        result = search->wish->probe(search->wish->context, &error);
    }
    if (result == 0 && !search->is_static) {
        result = dhcp_keep(&candidate->client, &error);
    }
    if (result < 0) {
        log_warning("no way to the controller iface=%s: %s", iface, error.message);
        forget_address(search, candidate);
        candidate->probe_ms = clock_monotonic_ms() + CANDIDATE_PAUSE_MS;
        return result;
    }
    *ret_network = (struct network){.address = candidate->client.answer.address};
    (void)snprintf(ret_network->iface, sizeof(ret_network->iface), "%s", iface);
    return 0;
}

// Sends what is due. Returns how long to sleep until the next thing is.
static int64_t run_timers(struct search *search)
{
    int64_t now = clock_monotonic_ms();
    int64_t next = now + LIST_PERIOD_MS;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct candidate *candidate = &search->candidates[i];
        if (!candidate->is_used) {
            continue;
        }
        if (!candidate->client.is_bound && candidate->client.next_ms <= now) {
            dhcp_client_send(&candidate->client);
        }
        int64_t due = candidate->client.is_bound ? candidate->probe_ms : candidate->client.next_ms;
        next = due < next ? due : next;
    }
    return next > now ? next - now : 0;
}

static void wait_for_news(struct search *search, int64_t limit_ms)
{
    struct pollfd fds[LINKS_MAX + 1] = {{.fd = search->notice, .events = POLLIN}};
    nfds_t count = 1;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct candidate *candidate = &search->candidates[i];
        if (candidate->is_used && !candidate->client.is_bound) {
            fds[count++] = (struct pollfd){.fd = candidate->client.fd, .events = POLLIN};
        }
    }
    (void)poll(fds, count, (int)limit_ms);
    netlink_drain(search->notice);
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (search->candidates[i].is_used && !search->candidates[i].client.is_bound) {
            (void)dhcp_client_receive(&search->candidates[i].client);
        }
    }
}

static int find_way(struct search *search, struct network *ret_network, struct error *err)
{
    int64_t deadline = clock_monotonic_ms() + search->wish->limit_ms;
    bool had_address = false;
    while (clock_monotonic_ms() < deadline) {
        int result = look_at_links(search, err);
        if (result < 0) {
            return result;
        }
        int64_t wait_ms = run_timers(search);
        int64_t left_ms = deadline - clock_monotonic_ms();
        wait_for_news(search, wait_ms < left_ms ? wait_ms : left_ms > 0 ? left_ms : 0);
        for (size_t i = 0; i < LINKS_MAX; i++) {
            struct candidate *candidate = &search->candidates[i];
            if (candidate->is_used && candidate->client.is_bound &&
                candidate->probe_ms <= clock_monotonic_ms()) {
                had_address = true;
                if (try_candidate(search, candidate, ret_network) == 0) {
                    return 0;
                }
            }
        }
    }
    return error_set(err, ERROR_TIMEOUT, "%s",
                     had_address ? "the controller was not reached from any link"
                                 : "no link got an address");
}

int network_up(const struct network_wish *wish, struct network *ret_network, struct error *err)
{
    CLEANUP_FREE struct search *search = calloc(1, sizeof(*search));
    CLEANUP_CLOSE int fd = -1;
    CLEANUP_CLOSE int notice = -1;
    if (!search) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    search->wish = wish;
    int result = read_static(search, err);
    if (result == 0) {
        result = netlink_open(true, &notice, err);
    }
    if (result == 0) {
        result = netlink_open(false, &fd, err);
    }
    search->fd = fd;
    search->notice = notice;
    if (result == 0) {
        result = find_way(search, ret_network, err);
    }
    for (size_t i = 0; i < LINKS_MAX; i++) {
        if (search->candidates[i].is_used) {
            candidate_end(&search->candidates[i]);
        }
    }
    return result;
}
