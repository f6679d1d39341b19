// SPDX-License-Identifier: Apache-2.0
// DHCP messages: what is sent is well formed, what comes is believed only as far as it is.

#include "agent/net/dhcp_packet.h"

#include "base/bytes.h"
#include "tests/unit/tap.h"

#include <arpa/inet.h>

static const struct mac our_mac = {{0x52, 0x54, 0, 1, 2, 3}};

enum { XID = 0x12345678, OPTIONS = 240 };

struct message {
    uint8_t bytes[1400];
    size_t length;
};

static void add(struct message *message, uint8_t code, const void *value, size_t length)
{
    message->bytes[message->length++] = code;
    message->bytes[message->length++] = (uint8_t)length;
    memcpy(message->bytes + message->length, value, length);
    message->length += length;
}

static struct message answer_begin(uint8_t type)
{
    struct message message = {.length = OPTIONS};
    message.bytes[0] = 2;
    message.bytes[1] = 1;
    message.bytes[2] = 6;
    put_be32(message.bytes + 4, XID);
    (void)inet_pton(AF_INET, "10.1.2.3", message.bytes + 16);
    memcpy(message.bytes + 28, our_mac.bytes, 6);
    memcpy(message.bytes + 236, "\x63\x82\x53\x63", 4);
    add(&message, 53, &type, 1);
    return message;
}

static int parse(const struct message *message, struct dhcp_answer *answer)
{
    // A copy of exact size, so that the sanitizer sees a byte read too far.
    uint8_t *bytes = malloc(message->length);
    memcpy(bytes, message->bytes, message->length);
    struct error error = {0};
    int result = dhcp_parse(bytes, message->length, XID, &our_mac, answer, &error);
    free(bytes);
    return result < 0 ? (int)error.code : 0;
}

static bool address_is(struct in_addr address, const char *text)
{
    struct in_addr expected;
    return inet_pton(AF_INET, text, &expected) == 1 && expected.s_addr == address.s_addr;
}

static void test_answer(void)
{
    struct message message = answer_begin(DHCP_ACK);
    add(&message, 1, "\xff\xff\xff\x00", 4);
    add(&message, 3, "\x0a\x01\x02\x01\x0a\x01\x02\x02", 8);
    add(&message, 6, "\x0a\x01\x02\x05\x08\x08\x08\x08", 8);
    add(&message, 15, "yard.example", 12);
    add(&message, 26, "\x05\xb4", 2);
    add(&message, 51, "\x00\x00\x0e\x10", 4);
    add(&message, 54, "\x0a\x01\x02\x05", 4);
    message.bytes[message.length++] = 255;
    struct dhcp_answer answer;
    ok(parse(&message, &answer) == 0 && answer.type == DHCP_ACK, "an ACK is read");
    ok(address_is(answer.address, "10.1.2.3") && answer.prefix == 24, "address and subnet");
    ok(answer.route_count == 1 && answer.routes[0].prefix == 0 &&
           address_is(answer.routes[0].gateway, "10.1.2.1"),
       "the first router is the default route");
    ok(answer.dns_count == 2 && address_is(answer.dns[1], "8.8.8.8"), "name servers");
    ok(answer.lease_s == 3600 && answer.renew_s == 1800, "lease, T1 is half of it");
    ok(answer.mtu == 1460 && address_is(answer.server, "10.1.2.5"), "MTU and server");
    is_text(answer.domain, "yard.example", "domain");

    add(&message, 0, "", 0);
    message.length = OPTIONS;
    ok(parse(&message, &answer) == ERROR_BAD_REQUEST, "no message type, no answer");
}

static void test_routes(void)
{
    struct dhcp_answer answer;
    struct message message = answer_begin(DHCP_OFFER);
    add(&message, 3, "\x0a\x01\x02\x01", 4);
    add(&message, 121, "\x18\xc0\xa8\x07\x0a\x01\x02\x09\x00\x0a\x01\x02\x08", 13);
    ok(parse(&message, &answer) == 0 && answer.route_count == 2 && answer.routes[0].prefix == 24 &&
           address_is(answer.routes[0].network, "192.168.7.0") && answer.routes[1].prefix == 0 &&
           address_is(answer.routes[1].gateway, "10.1.2.8"),
       "classless routes replace the router");
    message = answer_begin(DHCP_OFFER);
    add(&message, 3, "\x0a\x01\x02\x01", 4);
    add(&message, 121, "\x21\xc0\xa8\x07\x0a\x01\x02\x09", 8);
    ok(parse(&message, &answer) == 0 && answer.route_count == 1 &&
           address_is(answer.routes[0].gateway, "10.1.2.1"),
       "malformed ones do not");
    message = answer_begin(DHCP_OFFER);
    for (int i = 0; i < 3; i++) { // pieces of one option (RFC 3396)
        add(&message, 121, i == 0 ? "\x18\xc0" : i == 1 ? "\xa8\x07\x0a" : "\x01\x02\x09", i ? 3 : 2);
    }
    ok(parse(&message, &answer) == 0 && answer.route_count == 1 &&
           address_is(answer.routes[0].gateway, "10.1.2.9"),
       "an option in pieces is joined");
    message = answer_begin(DHCP_OFFER);
    add(&message, 52, "\x01", 1);
    memcpy(message.bytes + 108, "\x03\x04\x0a\x01\x02\x07\xff", 7);
    ok(parse(&message, &answer) == 0 && address_is(answer.routes[0].gateway, "10.1.2.7"),
       "options in the file field are found");
}

static void test_refusals(void)
{
    struct dhcp_answer answer;
    struct message message = answer_begin(DHCP_NAK);
    ok(parse(&message, &answer) == 0 && answer.type == DHCP_NAK, "a NAK needs no address");
    message.bytes[7] ^= 1;
    ok(parse(&message, &answer) == ERROR_NOT_FOUND, "another transaction is not ours");
    message = answer_begin(DHCP_ACK);
    message.bytes[33] ^= 1;
    ok(parse(&message, &answer) == ERROR_NOT_FOUND, "another client is not us");
    message = answer_begin(DHCP_ACK);
    add(&message, 1, "\xff\x00\xff\x00", 4);
    ok(parse(&message, &answer) == ERROR_BAD_REQUEST, "a mask with holes is refused");
    message = answer_begin(DHCP_ACK);
    memset(message.bytes + 16, 0, 4);
    ok(parse(&message, &answer) == ERROR_BAD_REQUEST, "so is no address");
    message = answer_begin(DHCP_ACK);
    add(&message, 15, "evil\nnameserver 6.6.6.6", 23);
    ok(parse(&message, &answer) == 0 && !*answer.domain, "a domain that would forge a line is left out");
    message = answer_begin(DHCP_ACK);
    message.bytes[message.length++] = 3;
    message.bytes[message.length++] = 200;
    ok(parse(&message, &answer) == 0 && answer.route_count == 0, "an option longer than the message ends it");
    message.length--;
    ok(parse(&message, &answer) == 0, "also a code without length");
    bool survived = true;
    struct message whole = answer_begin(DHCP_ACK);
    add(&whole, 121, "\x18\xc0\xa8\x07\x0a\x01\x02\x09", 8);
    for (size_t length = 1; length <= whole.length; length++) {
        message = whole;
        message.length = length;
        survived = parse(&message, &answer) != ERROR_INTERNAL && survived;
    }
    ok(survived, "a message cut anywhere is harmless");
}

static void test_packet(void)
{
    struct dhcp_question question = {.type = DHCP_REQUEST, .xid = XID, .mac = our_mac};
    (void)inet_pton(AF_INET, "10.1.2.3", &question.requested);
    uint8_t packet[DHCP_PACKET_MAX];
    size_t length = dhcp_build_packet(&question, packet);
    ok(length >= 328 && packet[0] == 0x45 && get_be16(packet + 2) == length, "a packet of honest length");
    uint32_t sum = 0;
    for (size_t i = 0; i < 20; i += 2) {
        sum += get_be16(packet + i);
    }
    ok((sum & 0xffff) + (sum >> 16) == 0xffff, "with an IP checksum that adds up");
    sum = 17 + (uint32_t)(length - 20) + 0xffff + 0xffff;
    for (size_t i = 20; i < length; i += 2) {
        sum += (uint32_t)packet[i] << 8 | (i + 1 < length ? packet[i + 1] : 0);
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    ok(sum == 0xffff, "and a UDP checksum that does");
    struct dhcp_answer answer;
    struct error error = {0};
    ok(dhcp_parse_packet(packet, length, XID, &our_mac, &answer, &error) < 0 &&
           error.code == ERROR_NOT_FOUND,
       "a client's packet is no answer");
    put_be16(packet + 20, 67);
    put_be16(packet + 22, 68);
    packet[28] = 2;
    ok(dhcp_parse_packet(packet, length, XID, &our_mac, &answer, &error) < 0 &&
           error.code == ERROR_BAD_REQUEST,
       "nor is a REQUEST from a server's port");
    packet[28 + 242] = DHCP_NAK;
    ok(dhcp_parse_packet(packet, length, XID, &our_mac, &answer, &error) == 0, "a NAK is");
    packet[12] ^= 1;
    ok(dhcp_parse_packet(packet, length, XID, &our_mac, &answer, &error) < 0,
       "a wrong IP checksum is refused");
    ok(dhcp_parse_packet(packet, 19, XID, &our_mac, &answer, &error) < 0, "so is half a header");
}

int main(void)
{
    test_answer();
    test_routes();
    test_refusals();
    test_packet();
    return done();
}
