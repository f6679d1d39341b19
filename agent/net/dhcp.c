// SPDX-License-Identifier: Apache-2.0
// DISCOVER, OFFER, REQUEST, ACK (RFC 2131 section 3.1) over a packet socket.

#include "agent/net/dhcp.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>

enum { FIRST_WAIT_MS = 1000, LAST_WAIT_MS = 16000, REQUEST_TRIES = 4 };

// Lets IPv4 UDP packets to port 68 through, so that a busy link does not wake the agent.
static int attach_filter(int fd)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 68, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static void restart(struct dhcp_client *client, int64_t pause_ms)
{
    random_fill(&client->xid, sizeof(client->xid));
    client->is_requesting = false;
    client->is_bound = false;
    client->tries = 0;
    client->next_ms = clock_monotonic_ms() + pause_ms;
}

int dhcp_client_open(const struct link *link, struct dhcp_client *ret_client, struct error *err)
{
    CLEANUP_CLOSE int fd =
        socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IP));
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
                                  .sll_ifindex = link->index};
    if (fd < 0 || attach_filter(fd) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return error_errno(err, errno, "packet socket on %s", link->name);
    }
    *ret_client = (struct dhcp_client){.link = *link, .fd = TAKE_FD(fd),
                                       .began_ms = clock_monotonic_ms()};
    restart(ret_client, 0);
    return 0;
}

void dhcp_client_close(struct dhcp_client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
}

void dhcp_client_send(struct dhcp_client *client)
{
    if (client->is_requesting && client->tries >= REQUEST_TRIES) {
        log_warning("DHCP: no acknowledgement iface=%s, starting again", client->link.name);
        restart(client, 0);
    }
    int64_t elapsed_s = (clock_monotonic_ms() - client->began_ms) / 1000;
    struct dhcp_question question = {
        .type = client->is_requesting ? DHCP_REQUEST : DHCP_DISCOVER,
        .xid = client->xid,
        .seconds = (uint16_t)(elapsed_s > 65535 ? 65535 : elapsed_s),
        .mac = client->link.mac,
    };
    if (client->is_requesting) {
        question.requested = client->answer.address;
        question.server = client->answer.server;
    }
    uint8_t packet[DHCP_PACKET_MAX];
    size_t length = dhcp_build_packet(&question, packet);
    struct sockaddr_ll everybody = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
                                    .sll_ifindex = client->link.index, .sll_halen = MAC_BYTES};
    memset(everybody.sll_addr, 0xff, MAC_BYTES);
    (void)sendto(client->fd, packet, length, 0, (struct sockaddr *)&everybody, sizeof(everybody));

    int64_t wait_ms = client->tries < 4 ? (int64_t)FIRST_WAIT_MS << client->tries : LAST_WAIT_MS;
    uint16_t chance;
    random_fill(&chance, sizeof(chance));
    client->tries++;
    client->next_ms = clock_monotonic_ms() + wait_ms + chance % 500;
}

static bool take_answer(struct dhcp_client *client, const struct dhcp_answer *answer)
{
    if (!client->is_requesting && answer->type == DHCP_OFFER) {
        client->answer = *answer;
        client->is_requesting = true;
        client->tries = 0;
        dhcp_client_send(client);
        return false;
    }
    if (!client->is_requesting) {
        return false;
    }
    if (answer->type == DHCP_NAK) {
        log_warning("DHCP: the server takes its offer back iface=%s", client->link.name);
        restart(client, FIRST_WAIT_MS);
        return false;
    }
    if (answer->type == DHCP_ACK) {
        client->answer = *answer;
        client->is_bound = true;
        return true;
    }
    return false; // another server's offer
}

bool dhcp_client_receive(struct dhcp_client *client)
{
    uint8_t packet[DHCP_PACKET_MAX];
    ssize_t length = 0;
    while (!client->is_bound && (length = recv(client->fd, packet, sizeof(packet), 0)) > 0) {
        struct dhcp_answer answer;
        if (dhcp_parse_packet(packet, (size_t)length, client->xid, &client->link.mac, &answer, NULL) ==
                0 &&
            take_answer(client, &answer)) {
            return true;
        }
    }
    return false;
}
