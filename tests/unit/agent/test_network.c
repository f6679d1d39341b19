// SPDX-License-Identifier: Apache-2.0
// Bringing the network up, in a network namespace of the test's own: two cables, a DHCP server at the end of each,
// and the controller behind the second one only. Needs root for the namespace.

#include "agent/net/network.h"

#include "agent/net/dhcp_packet.h"
#include "agent/net/netlink.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "tests/unit/tap.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { HEADERS = 28, OPTIONS = 240, REPLY = HEADERS + 300 };

static char etc[] = "/tmp/test_network.XXXXXX";

static void make_cable(const char *near, const char *far)
{
    char words[][16] = {"ip", "link", "add", "", "type", "veth", "peer", "name", ""};
    (void)snprintf(words[3], sizeof(words[3]), "%s", near);
    (void)snprintf(words[8], sizeof(words[8]), "%s", far);
    char *arguments[10] = {0};
    for (size_t i = 0; i < 9; i++) {
        arguments[i] = words[i];
    }
    pid_t pid;
    int status = 1;
    if (posix_spawnp(&pid, "ip", NULL, NULL, arguments, environ) != 0 || waitpid(pid, &status, 0) < 0 ||
        status != 0) {
        bail("ip link add %s", near);
    }
}

// A server that leases 10.9.<number>.7 to whoever asks.
static void answer(int fd, uint8_t number, const uint8_t *question, const struct sockaddr_ll *from)
{
    uint8_t reply[REPLY] = {0x45, [8] = 64, [9] = IPPROTO_UDP, [12] = 10, [13] = 9, [14] = number, [15] = 1};
    memset(reply + 16, 0xff, 4);
    put_be16(reply + 2, REPLY);
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) {
        sum += get_be16(reply + i);
    }
    put_be16(reply + 10, (uint16_t)~((sum & 0xffff) + (sum >> 16)));
    put_be16(reply + 20, 67);
    put_be16(reply + 22, 68);
    put_be16(reply + 24, REPLY - 20);
    uint8_t *body = reply + HEADERS;
    memcpy(body, question + HEADERS, 44);
    body[0] = 2;
    uint8_t address[4] = {10, 9, number, 7};
    memcpy(body + 16, address, 4);
    put_be32(body + 236, 0x63825363);
    uint8_t type = question[HEADERS + OPTIONS + 2] == DHCP_DISCOVER ? DHCP_OFFER : DHCP_ACK;
    uint8_t options[] = {
        53, 1, type,                  // kind of message
        54, 4, 10,  9,   number, 1,   // server
        1,  4, 255, 255, 255,    0,   // subnet
        51, 4, 0,   0,   14,     16,  // lease: an hour
        3,  4, 10,  9,   number, 1,   // router
        6,  4, 10,  9,   number, 53,  // name server
        255,
    };
    memcpy(body + OPTIONS, options, sizeof(options));
    struct sockaddr_ll to = *from;
    memset(to.sll_addr, 0xff, 6);
    (void)sendto(fd, reply, sizeof(reply), 0, (struct sockaddr *)&to, sizeof(to));
}

struct server {
    const char *iface;
    uint8_t number;
};

static void *serve(void *context)
{
    const struct server *server = context;
    CLEANUP_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
                                  .sll_ifindex = (int)if_nametoindex(server->iface)};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        bail("server socket");
    }
    for (;;) {
        uint8_t packet[DHCP_PACKET_MAX];
        struct sockaddr_ll from;
        socklen_t length = sizeof(from);
        ssize_t got = recvfrom(fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &length);
        if (got >= HEADERS + OPTIONS + 4 && from.sll_pkttype != PACKET_OUTGOING && packet[9] == IPPROTO_UDP &&
            get_be16(packet + 22) == 67) {
            answer(fd, server->number, packet, &from);
        }
    }
    return NULL;
}

// The controller is where an address of 10.9.2.0/24 is.
static int probe(void *context, struct error *err)
{
    (void)context;
    CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    (void)inet_pton(AF_INET, "10.9.2.7", &address.sin_addr);
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0
               ? 0
               : error_set(err, ERROR_UPSTREAM, "nobody there");
}

static const char *read_etc(const char *name)
{
    static char text[500];
    char path[100];
    (void)snprintf(path, sizeof(path), "%s/%s", etc, name);
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    text[length] = '\0';
    if (file) {
        fclose(file);
    }
    (void)unlink(path);
    return text;
}

static void test_lease(void)
{
    static struct server servers[] = {{"s1", 1}, {"s2", 2}};
    make_cable("e1", "s1");
    make_cable("e2", "s2");
    for (size_t i = 0; i < 2; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, &servers[i]) != 0) {
            bail("thread");
        }
        (void)pthread_detach(thread);
    }
    CLEANUP_VARS struct vars vars;
    vars_init(&vars);
    struct network_wish wish = {.vars = &vars, .probe = probe, .etc_dir = etc, .limit_ms = 30000};
    struct network network = {0};
    struct error error = {0};
    ok(network_up(&wish, &network, &error) == 0, "the network comes up");
    is_text(network.iface, "e2", "over the link that leads to the controller");
    ok(network.address.s_addr == inet_addr("10.9.2.7"), "with the address that was leased there");
    is_text(read_etc("resolv.conf"), "nameserver 10.9.2.53\n", "and its name server");
    ok(strstr(read_etc("hosts"), "127.0.0.1 localhost") != NULL, "localhost has a name");

    wish.probe = NULL;
    (void)vars_set(&vars, "STATIC_IP", "10.9.9.9/24", NULL);
    (void)vars_set(&vars, "STATIC_GATEWAY", "10.9.9.1", NULL);
    (void)vars_set(&vars, "STATIC_IFACE", "e1", NULL);
    (void)vars_set(&vars, "dns_resolver", "1.1.1.1, nonsense,9.9.9.9", NULL);
    ok(network_up(&wish, &network, &error) == 0 && strcmp(network.iface, "e1") == 0 &&
           network.address.s_addr == inet_addr("10.9.9.9"),
       "a static address needs no server");
    is_text(read_etc("resolv.conf"), "nameserver 1.1.1.1\nnameserver 9.9.9.9\n", "its resolvers are written");
    (void)read_etc("hosts");

    (void)vars_set(&vars, "STATIC_IFACE", "none", NULL);
    wish.limit_ms = 500;
    ok(network_up(&wish, &network, &error) < 0 && error.code == ERROR_TIMEOUT, "no such link: it gives up in time");
    (void)vars_set(&vars, "STATIC_IP", "10.9.9.9", NULL);
    ok(network_up(&wish, &network, &error) < 0 && error.code == ERROR_BAD_REQUEST, "an address without prefix is refused");
}

static void test_cidr(void)
{
    struct in_addr address;
    uint8_t prefix;
    ok(network_parse_cidr("10.0.0.7/24", &address, &prefix, NULL) == 0 && prefix == 24, "address and prefix");
    ok(network_parse_cidr("10.0.0.7/", &address, &prefix, NULL) < 0 &&
           network_parse_cidr("10.0.0.7/33", &address, &prefix, NULL) < 0 &&
           network_parse_cidr("10.0.0.7/-1", &address, &prefix, NULL) < 0 &&
           network_parse_cidr("10.0.0.7/2x", &address, &prefix, NULL) < 0 &&
           network_parse_cidr("10.0.0/24", &address, &prefix, NULL) < 0 &&
           network_parse_cidr("/24", &address, &prefix, NULL) < 0,
       "anything else is none");
}

int main(void)
{
    test_cidr();
    if (unshare(CLONE_NEWNET) < 0) {
        ok(true, "# SKIP links and leases: no network namespace (needs root)");
        return done();
    }
    if (!mkdtemp(etc)) {
        bail("mkdtemp");
    }
    test_lease();
    (void)rmdir(etc);
    return done();
}
