// SPDX-License-Identifier: Apache-2.0
// Every byte of an answer is a stranger's: lengths are checked before use, options may be spread over three
// fields and over several pieces, and only what the agent needs is kept.

#include "agent/net/dhcp_packet.h"

#include "base/bytes.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum {
    IP_BYTES = 20,
    UDP_BYTES = 8,
    SERVER_PORT = 67,
    CLIENT_PORT = 68,
    FILE_AT = 108,
    FILE_BYTES = 128,
    SNAME_AT = 44,
    SNAME_BYTES = 64,
    COOKIE_AT = 236,
    OPTIONS_AT = 240,
    PAYLOAD_MIN = 300, // some relays drop less (RFC 1542 section 2.1)
    JOINED_MAX = 1024,
};

enum {
    OPTION_PAD = 0,
    OPTION_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_DNS = 6,
    OPTION_DOMAIN = 15,
    OPTION_MTU = 26,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_PARAMETERS = 55,
    OPTION_MAX_SIZE = 57,
    OPTION_T1 = 58,
    OPTION_VENDOR = 60,
    OPTION_CLIENT = 61,
    OPTION_ROUTES = 121,
    OPTION_END = 255,
};

static const uint8_t cookie[4] = {99, 130, 83, 99};

static uint8_t *put_option(uint8_t *at, uint8_t code, const void *value, uint8_t length)
{
    *at++ = code;
    *at++ = length;
    memcpy(at, value, length);
    return at + length;
}

static uint8_t *put_address(uint8_t *at, uint8_t code, struct in_addr address)
{
    return address.s_addr ? put_option(at, code, &address.s_addr, 4) : at;
}

size_t dhcp_build(const struct dhcp_question *question, uint8_t *buffer)
{
    static const uint8_t wanted[] = {OPTION_MASK, OPTION_ROUTER, OPTION_DNS,    OPTION_DOMAIN,
                                     OPTION_MTU,  OPTION_LEASE,  OPTION_SERVER, OPTION_T1,
                                     OPTION_ROUTES};
    memset(buffer, 0, OPTIONS_AT + PAYLOAD_MIN);
    buffer[0] = 1; // request
    buffer[1] = 1; // Ethernet
    buffer[2] = MAC_BYTES;
    put_be32(buffer + 4, question->xid);
    put_be16(buffer + 8, question->seconds);
    memcpy(buffer + 12, &question->current.s_addr, 4);
    memcpy(buffer + 28, question->mac.bytes, MAC_BYTES);
    memcpy(buffer + COOKIE_AT, cookie, sizeof(cookie));

    uint8_t type = (uint8_t)question->type;
    // As iPXE identifies itself, so that the agent keeps the address to which its token is bound.
    uint8_t client[1 + MAC_BYTES] = {1};
    memcpy(client + 1, question->mac.bytes, MAC_BYTES);
    uint8_t size[2];
    put_be16(size, DHCP_PACKET_MAX - IP_BYTES - UDP_BYTES);
    uint8_t *at = buffer + OPTIONS_AT;
    at = put_option(at, OPTION_TYPE, &type, 1);
    at = put_option(at, OPTION_CLIENT, client, sizeof(client));
    at = put_option(at, OPTION_MAX_SIZE, size, sizeof(size));
    at = put_option(at, OPTION_VENDOR, "bootyard-agent", 14);
    at = put_option(at, OPTION_PARAMETERS, wanted, sizeof(wanted));
    at = put_address(at, OPTION_REQUESTED, question->requested);
    at = put_address(at, OPTION_SERVER, question->server);
    *at++ = OPTION_END;
    size_t length = (size_t)(at - buffer);
    return length < PAYLOAD_MIN ? PAYLOAD_MIN : length;
}

static uint16_t checksum(const uint8_t *bytes, size_t length, uint32_t sum)
{
    for (size_t i = 0; i + 1 < length; i += 2) {
        sum += get_be16(bytes + i);
    }
    if (length % 2) {
        sum += (uint32_t)bytes[length - 1] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

size_t dhcp_build_packet(const struct dhcp_question *question, uint8_t *buffer)
{
    uint8_t *udp = buffer + IP_BYTES;
    size_t payload = dhcp_build(question, udp + UDP_BYTES);
    size_t total = IP_BYTES + UDP_BYTES + payload;

    memset(buffer, 0, IP_BYTES + UDP_BYTES);
    buffer[0] = 0x45;
    put_be16(buffer + 2, (uint16_t)total);
    buffer[8] = 64;
    buffer[9] = IPPROTO_UDP;
    memset(buffer + 16, 0xff, 4);
    put_be16(buffer + 10, checksum(buffer, IP_BYTES, 0));

    put_be16(udp, CLIENT_PORT);
    put_be16(udp + 2, SERVER_PORT);
    put_be16(udp + 4, (uint16_t)(UDP_BYTES + payload));
    // The pseudo header: addresses (0 and all ones), protocol, length (RFC 768).
    uint32_t pseudo = 0xffff + 0xffff + IPPROTO_UDP + (uint32_t)(UDP_BYTES + payload);
    uint16_t sum = checksum(udp, UDP_BYTES + payload, pseudo);
    put_be16(udp + 6, sum ? sum : 0xffff);
    return total;
}

// The options of one code joined over all their pieces (RFC 3396).
struct options {
    const uint8_t *field[3];
    size_t length[3];
};

static size_t join_option(const struct options *options, uint8_t code, uint8_t *buffer, size_t size)
{
    size_t used = 0;
    for (size_t f = 0; f < 3; f++) {
        const uint8_t *at = options->field[f];
        size_t left = options->length[f];
        while (left > 0 && *at != OPTION_END) {
            if (*at == OPTION_PAD) {
                at++;
                left--;
                continue;
            }
            if (left < 2 || left - 2 < at[1]) {
                break;
            }
            size_t length = at[1];
            if (*at == code && length <= size - used) {
                memcpy(buffer + used, at + 2, length);
                used += length;
            }
            at += 2 + length;
            left -= 2 + length;
        }
    }
    return used;
}

static uint32_t option_number(const struct options *options, uint8_t code, size_t width)
{
    uint8_t value[JOINED_MAX];
    if (join_option(options, code, value, sizeof(value)) < width) {
        return 0;
    }
    return width == 4 ? get_be32(value) : width == 2 ? get_be16(value) : value[0];
}

static struct in_addr option_address(const struct options *options, uint8_t code)
{
    return (struct in_addr){.s_addr = htonl(option_number(options, code, 4))};
}

static void find_options(const uint8_t *bytes, size_t length, struct options *ret_options)
{
    *ret_options = (struct options){.field = {bytes + OPTIONS_AT}, .length = {length - OPTIONS_AT}};
    uint32_t overload = option_number(ret_options, OPTION_OVERLOAD, 1);
    if (overload & 1) {
        ret_options->field[1] = bytes + FILE_AT;
        ret_options->length[1] = FILE_BYTES;
    }
    if (overload & 2) {
        ret_options->field[2] = bytes + SNAME_AT;
        ret_options->length[2] = SNAME_BYTES;
    }
}

static bool mask_to_prefix(uint32_t mask, uint8_t *ret_prefix)
{
    uint32_t inverse = ~mask;
    if (inverse & (inverse + 1)) {
        return false; // holes
    }
    *ret_prefix = (uint8_t)__builtin_popcount(mask);
    return true;
}

static void read_dns(const struct options *options, struct dhcp_answer *answer)
{
    uint8_t value[JOINED_MAX];
    size_t length = join_option(options, OPTION_DNS, value, sizeof(value));
    for (size_t i = 0; i + 4 <= length && answer->dns_count < DHCP_DNS_MAX; i += 4) {
        memcpy(&answer->dns[answer->dns_count++].s_addr, value + i, 4);
    }
}

static void read_domain(const struct options *options, struct dhcp_answer *answer)
{
    uint8_t value[JOINED_MAX];
    size_t length = join_option(options, OPTION_DOMAIN, value, sizeof(value));
    while (length > 0 && value[length - 1] == '\0') {
        length--;
    }
    if (length >= sizeof(answer->domain)) {
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum(value[i]) && value[i] != '.' && value[i] != '-') {
            return; // goes into a file that a resolver reads
        }
    }
    memcpy(answer->domain, value, length);
    answer->domain[length] = '\0';
}

// Classless routes replace the router option (RFC 3442); malformed ones count as none.
static void read_routes(const struct options *options, struct dhcp_answer *answer)
{
    uint8_t value[JOINED_MAX];
    size_t length = join_option(options, OPTION_ROUTES, value, sizeof(value));
    size_t at = 0;
    while (at < length && answer->route_count < DHCP_ROUTES_MAX) {
        uint8_t prefix = value[at++];
        size_t significant = ((size_t)prefix + 7) / 8;
        if (prefix > 32 || significant + 4 > length - at) {
            answer->route_count = 0;
            break;
        }
        struct dhcp_route *route = &answer->routes[answer->route_count++];
        *route = (struct dhcp_route){.prefix = prefix};
        memcpy(&route->network.s_addr, value + at, significant);
        memcpy(&route->gateway.s_addr, value + at + significant, 4);
        at += significant + 4;
    }
    struct in_addr router = option_address(options, OPTION_ROUTER);
    if (answer->route_count == 0 && router.s_addr) {
        answer->routes[answer->route_count++] = (struct dhcp_route){.gateway = router};
    }
}

static int read_lease(const uint8_t *bytes, const struct options *options, struct dhcp_answer *answer,
                      struct error *err)
{
    memcpy(&answer->address.s_addr, bytes + 16, 4);
    uint32_t host = ntohl(answer->address.s_addr);
    if (host == 0 || (host >> 28) >= 14 || (host >> 24) == 127) {
        return error_set(err, ERROR_BAD_REQUEST, "the address on offer is none for a host");
    }
    uint32_t mask = option_number(options, OPTION_MASK, 4);
    if (!mask_to_prefix(mask ? mask : 0xffffffff, &answer->prefix)) {
        return error_set(err, ERROR_BAD_REQUEST, "the subnet mask has holes");
    }
    answer->lease_s = option_number(options, OPTION_LEASE, 4);
    answer->renew_s = option_number(options, OPTION_T1, 4);
    if (answer->renew_s == 0 || answer->renew_s > answer->lease_s) {
        answer->renew_s = answer->lease_s / 2;
    }
    answer->mtu = (uint16_t)option_number(options, OPTION_MTU, 2);
    read_dns(options, answer);
    read_domain(options, answer);
    read_routes(options, answer);
    return 0;
}

int dhcp_parse(const uint8_t *bytes, size_t length, uint32_t xid, const struct mac *mac,
               struct dhcp_answer *ret_answer, struct error *err)
{
    if (length < OPTIONS_AT || memcmp(bytes + COOKIE_AT, cookie, sizeof(cookie)) != 0) {
        return error_set(err, ERROR_BAD_REQUEST, "not a DHCP message");
    }
    if (bytes[0] != 2 || bytes[1] != 1 || bytes[2] != MAC_BYTES || get_be32(bytes + 4) != xid ||
        memcmp(bytes + 28, mac->bytes, MAC_BYTES) != 0) {
        return error_set(err, ERROR_NOT_FOUND, "not an answer to this client");
    }
    struct options options;
    find_options(bytes, length, &options);
    struct dhcp_answer answer = {.type = option_number(&options, OPTION_TYPE, 1)};
    answer.server = option_address(&options, OPTION_SERVER);
    if (answer.type == DHCP_OFFER || answer.type == DHCP_ACK) {
        int result = read_lease(bytes, &options, &answer, err);
        if (result < 0) {
            return result;
        }
    } else if (answer.type != DHCP_NAK) {
        return error_set(err, ERROR_BAD_REQUEST, "DHCP message of unexpected type %d",
                         (int)answer.type);
    }
    *ret_answer = answer;
    return 0;
}

int dhcp_parse_packet(const uint8_t *bytes, size_t length, uint32_t xid, const struct mac *mac,
                      struct dhcp_answer *ret_answer, struct error *err)
{
    if (length < IP_BYTES || bytes[0] >> 4 != 4) {
        return error_set(err, ERROR_BAD_REQUEST, "not an IPv4 packet");
    }
    size_t header = (size_t)(bytes[0] & 15) * 4;
    size_t total = get_be16(bytes + 2);
    bool is_fragment = (get_be16(bytes + 6) & 0x3fff) != 0;
    if (header < IP_BYTES || total > length || total < header + UDP_BYTES || is_fragment ||
        bytes[9] != IPPROTO_UDP || checksum(bytes, header, 0) != 0) {
        return error_set(err, ERROR_BAD_REQUEST, "not a whole UDP packet");
    }
    const uint8_t *udp = bytes + header;
    size_t udp_length = get_be16(udp + 4);
    if (get_be16(udp) != SERVER_PORT || get_be16(udp + 2) != CLIENT_PORT || udp_length < UDP_BYTES ||
        udp_length > total - header) {
        return error_set(err, ERROR_NOT_FOUND, "not from a DHCP server");
    }
    return dhcp_parse(udp + UDP_BYTES, udp_length - UDP_BYTES, xid, mac, ret_answer, err);
}
