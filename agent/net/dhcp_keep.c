// SPDX-License-Identifier: Apache-2.0
// Renewing a lease (RFC 2131 section 4.4.5): from T1 on the server is asked directly, from 7/8 of the lease on
// everybody is. A machine in standby lives for weeks: its address must stay its own.

#include "agent/net/dhcp.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { CLIENT_PORT = 68, SERVER_PORT = 67, ANSWER_WAIT_S = 5, RETRY_S = 60 };

static int open_socket(const struct link *link)
{
    CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int on = 1;
    struct timeval limit = {.tv_sec = ANSWER_WAIT_S};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(CLIENT_PORT)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, link->name, sizeof(link->name)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return -1;
    }
    return TAKE_FD(fd);
}

// One question and what comes within the wait; true when the server answered us.
static bool ask(const struct dhcp_client *lease, bool everybody, struct dhcp_answer *ret_answer)
{
    CLEANUP_CLOSE int fd = open_socket(&lease->link);
    if (fd < 0) {
        return false;
    }
    struct dhcp_question question = {.type = DHCP_REQUEST, .mac = lease->link.mac,
                                     .current = lease->answer.address};
    random_fill(&question.xid, sizeof(question.xid));
    uint8_t message[DHCP_PACKET_MAX];
    size_t length = dhcp_build(&question, message);
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};
    server.sin_addr = lease->answer.server;
    if (everybody || server.sin_addr.s_addr == 0) {
        server.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    }
    if (sendto(fd, message, length, 0, (struct sockaddr *)&server, sizeof(server)) < 0) {
        return false;
    }
    int64_t until = clock_monotonic_ms() + ANSWER_WAIT_S * 1000;
    while (clock_monotonic_ms() < until) {
        ssize_t received = recv(fd, message, sizeof(message), 0);
        if (received > 0 && dhcp_parse(message, (size_t)received, question.xid, &lease->link.mac,
                                       ret_answer, NULL) == 0) {
            return ret_answer->type == DHCP_ACK || ret_answer->type == DHCP_NAK;
        }
    }
    return false;
}

static void *run_keep(void *context)
{
    CLEANUP_FREE struct dhcp_client *lease = context;
    int64_t taken_ms = clock_monotonic_ms();
    while (lease->answer.lease_s != UINT32_MAX && lease->answer.lease_s > 0) {
        int64_t rebind_ms = taken_ms + (int64_t)lease->answer.lease_s * 875;
        int64_t now = clock_monotonic_ms();
        int64_t renew_ms = taken_ms + (int64_t)lease->answer.renew_s * 1000;
        int64_t left_ms = renew_ms - now;
        if (left_ms > 0) {
            (void)sleep((unsigned)(left_ms / 1000 + 1));
            continue;
        }
        struct dhcp_answer answer;
        if (!ask(lease, now >= rebind_ms, &answer)) {
            if (now >= taken_ms + (int64_t)lease->answer.lease_s * 1000) {
                log_warning("DHCP: the lease is over and nobody renews it iface=%s", lease->link.name);
            }
            // A short lease is asked for more often than a long one.
            (void)sleep(lease->answer.lease_s / 16 + 1 < RETRY_S ? lease->answer.lease_s / 16 + 1
                                                                 : RETRY_S);
            continue;
        }
        if (answer.type == DHCP_NAK || answer.address.s_addr != lease->answer.address.s_addr) {
            log_err("DHCP: the server withdrew our address iface=%s", lease->link.name);
            break;
        }
        taken_ms = now;
        lease->answer.lease_s = answer.lease_s;
        lease->answer.renew_s = answer.renew_s;
    }
    return NULL;
}

int dhcp_keep(const struct dhcp_client *bound, struct error *err)
{
    CLEANUP_FREE struct dhcp_client *lease = malloc(sizeof(*lease));
    pthread_t thread;
    if (!lease) {
        return error_set(err, ERROR_IO, "out of memory");
    }
    *lease = *bound;
    lease->fd = -1;
    int failed = pthread_create(&thread, NULL, run_keep, lease);
    if (failed) {
        return error_errno(err, failed, "thread for the lease");
    }
    (void)TAKE_PTR(lease);
    (void)pthread_detach(thread);
    return 0;
}
