// SPDX-License-Identifier: Apache-2.0
// Messages are built in a fixed buffer and read back with the kernel's own macros.

#include "agent/net/netlink.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <string.h>
#include <sys/socket.h>

enum { REQUEST_SIZE = 512, ANSWER_SIZE = 64 * 1024 };

struct request {
    struct nlmsghdr header;
    unsigned char body[REQUEST_SIZE];
};

int netlink_open(bool listens, int *ret_fd, struct error *err)
{
    CLEANUP_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (listens ? SOCK_NONBLOCK : 0),
                                  NETLINK_ROUTE);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = listens ? RTMGRP_LINK : 0};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return error_errno(err, errno, "netlink socket");
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

void netlink_drain(int fd)
{
    char buffer[8192];
    while (recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS) {
        errno = 0;
    }
}

static struct request request_make(uint16_t type, uint16_t flags, const void *body, size_t length)
{
    struct request request = {.header = {.nlmsg_len = NLMSG_LENGTH((uint32_t)length),
                                         .nlmsg_type = type,
                                         .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                                         .nlmsg_seq = 1}};
    memcpy(request.body, body, length);
    return request;
}

static void add_attribute(struct request *request, uint16_t type, const void *value, size_t length)
{
    size_t at = NLMSG_ALIGN(request->header.nlmsg_len);
    struct rtattr attribute = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(length)};
    if (at + RTA_SPACE(length) > sizeof(*request)) {
        return; // cannot be: no request here has more than four short attributes
    }
    memcpy((char *)request + at, &attribute, sizeof(attribute));
    memcpy((char *)request + at + RTA_LENGTH(0), value, length);
    request->header.nlmsg_len = (uint32_t)(at + RTA_LENGTH(length));
}

typedef void (*message_fn)(const struct nlmsghdr *message, void *context);

// Sends and reads until the acknowledgement or the end of a dump. Returns 0 or a negative errno.
static int transact(int fd, struct request *request, message_fn on_message, void *context)
{
    if (send(fd, request, request->header.nlmsg_len, 0) < 0) {
        return -errno;
    }
    CLEANUP_FREE char *buffer = malloc(ANSWER_SIZE);
    if (!buffer) {
        return -ENOMEM;
    }
    for (;;) {
        ssize_t received = recv(fd, buffer, ANSWER_SIZE, 0);
        if (received < 0 && errno == EINTR) {
            continue;
        }
        if (received < 0) {
            return -errno;
        }
        size_t left = (size_t)received;
        for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE) {
                return 0;
            }
            if (message->nlmsg_type == NLMSG_ERROR) {
                return ((struct nlmsgerr *)NLMSG_DATA(message))->error;
            }
            if (on_message) {
                on_message(message, context);
            }
        }
    }
}

struct link_collection {
    struct link *links;
    size_t count;
};

static bool kind_is_software(const struct rtattr *info)
{
    int left = (int)RTA_PAYLOAD(info);
    for (struct rtattr *item = RTA_DATA(info); RTA_OK(item, left); item = RTA_NEXT(item, left)) {
        if (item->rta_type == IFLA_INFO_KIND) {
            return strncmp(RTA_DATA(item), "veth", RTA_PAYLOAD(item)) != 0;
        }
    }
    return false;
}

static void read_link_attribute(const struct rtattr *item, struct link *link)
{
    size_t length = RTA_PAYLOAD(item);
    if (item->rta_type == IFLA_IFNAME && length <= sizeof(link->name)) {
        memcpy(link->name, RTA_DATA(item), length);
        link->name[sizeof(link->name) - 1] = '\0';
    } else if (item->rta_type == IFLA_ADDRESS && length == MAC_BYTES) {
        memcpy(link->mac.bytes, RTA_DATA(item), MAC_BYTES);
    } else if (item->rta_type == IFLA_CARRIER && length >= 1) {
        link->has_carrier = *(unsigned char *)RTA_DATA(item) != 0;
    } else if (item->rta_type == IFLA_MTU && length == sizeof(link->mtu)) {
        memcpy(&link->mtu, RTA_DATA(item), length);
    } else if (item->rta_type == IFLA_LINKINFO && kind_is_software(item)) {
        link->is_wired = false;
    }
}

static void collect_link(const struct nlmsghdr *message, void *context)
{
    struct link_collection *collection = context;
    if (message->nlmsg_type != RTM_NEWLINK || collection->count == LINKS_MAX) {
        return;
    }
    const struct ifinfomsg *info = NLMSG_DATA(message);
    struct link link = {
        .index = info->ifi_index,
        .is_up = (info->ifi_flags & IFF_UP) != 0,
        .is_loopback = (info->ifi_flags & IFF_LOOPBACK) != 0,
        .is_wired = info->ifi_type == ARPHRD_ETHER,
    };
    int left = (int)IFLA_PAYLOAD(message);
    for (struct rtattr *item = IFLA_RTA(info); RTA_OK(item, left); item = RTA_NEXT(item, left)) {
        read_link_attribute(item, &link);
    }
    collection->links[collection->count++] = link;
}

int link_list(int fd, struct link links[LINKS_MAX], size_t *ret_count, struct error *err)
{
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
    struct request request = request_make(RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
    struct link_collection collection = {.links = links};
    int result = transact(fd, &request, collect_link, &collection);
    if (result < 0) {
        return error_errno(err, -result, "listing links");
    }
    *ret_count = collection.count;
    return 0;
}

int link_up(int fd, int index, struct error *err)
{
    struct ifinfomsg body = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct request request = request_make(RTM_NEWLINK, NLM_F_ACK, &body, sizeof(body));
    int result = transact(fd, &request, NULL, NULL);
    return result < 0 ? error_errno(err, -result, "setting link %d up", index) : 0;
}

int link_set_mtu(int fd, int index, uint32_t mtu, struct error *err)
{
    struct ifinfomsg body = {.ifi_index = index};
    struct request request = request_make(RTM_NEWLINK, NLM_F_ACK, &body, sizeof(body));
    add_attribute(&request, IFLA_MTU, &mtu, sizeof(mtu));
    int result = transact(fd, &request, NULL, NULL);
    return result < 0 ? error_errno(err, -result, "setting the MTU of link %d", index) : 0;
}

static int change_address(int fd, uint16_t type, uint16_t flags, int index, struct in_addr address,
                          uint8_t prefix)
{
    struct ifaddrmsg body = {.ifa_family = AF_INET, .ifa_prefixlen = prefix, .ifa_index = (unsigned)index};
    struct request request = request_make(type, NLM_F_ACK | flags, &body, sizeof(body));
    add_attribute(&request, IFA_LOCAL, &address, sizeof(address));
    add_attribute(&request, IFA_ADDRESS, &address, sizeof(address));
    if (prefix < 31 && type == RTM_NEWADDR) {
        struct in_addr broadcast = {.s_addr = address.s_addr | htonl(0xffffffffu >> prefix)};
        add_attribute(&request, IFA_BROADCAST, &broadcast, sizeof(broadcast));
    }
    return transact(fd, &request, NULL, NULL);
}

int address_add(int fd, int index, struct in_addr address, uint8_t prefix, struct error *err)
{
    int result = change_address(fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address, prefix);
    return result < 0 ? error_errno(err, -result, "setting an address") : 0;
}

int address_delete(int fd, int index, struct in_addr address, uint8_t prefix, struct error *err)
{
    int result = change_address(fd, RTM_DELADDR, 0, index, address, prefix);
    return result < 0 ? error_errno(err, -result, "removing an address") : 0;
}

int route_add(int fd, int index, struct in_addr network, uint8_t prefix, struct in_addr gateway,
              struct error *err)
{
    struct rtmsg body = {
        .rtm_family = AF_INET,
        .rtm_dst_len = prefix,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_DHCP,
        .rtm_scope = gateway.s_addr ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
        .rtm_type = RTN_UNICAST,
        .rtm_flags = gateway.s_addr ? RTNH_F_ONLINK : 0,
    };
    struct request request =
        request_make(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
    uint32_t link = (uint32_t)index;
    if (prefix > 0) {
        add_attribute(&request, RTA_DST, &network, sizeof(network));
    }
    if (gateway.s_addr) {
        add_attribute(&request, RTA_GATEWAY, &gateway, sizeof(gateway));
    }
    add_attribute(&request, RTA_OIF, &link, sizeof(link));
    int result = transact(fd, &request, NULL, NULL);
    return result < 0 ? error_errno(err, -result, "setting a route") : 0;
}
