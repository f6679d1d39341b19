// SPDX-License-Identifier: Apache-2.0

#include "agent/init/uevent.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum { RECEIVE_BUFFER = 4 * 1024 * 1024 };

int uevent_open(int *ret_fd, struct error *err)
{
    CLEANUP_CLOSE int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return error_errno(err, errno, "uevent socket");
    }
    int size = RECEIVE_BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);
    return strncmp(line, key, length) == 0 && line[length] == '=' ? line + length + 1 : NULL;
}

int uevent_read(int fd, struct uevent *ret_event)
{
    struct sockaddr_nl sender;
    struct iovec part = {.iov_base = ret_event->text, .iov_len = sizeof(ret_event->text) - 1};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof(sender), .msg_iov = &part,
                             .msg_iovlen = 1};
    ssize_t length = recvmsg(fd, &message, 0);
    if (length <= 0 || sender.nl_pid != 0) {
        return 0;
    }
    ret_event->text[length] = '\0';
    ret_event->action = ret_event->devpath = ret_event->subsystem = ret_event->modalias = "";
    for (const char *line = ret_event->text; line < ret_event->text + length;
         line += strlen(line) + 1) {
        const char *value;
        if ((value = value_of(line, "ACTION"))) {
            ret_event->action = value;
        } else if ((value = value_of(line, "DEVPATH"))) {
            ret_event->devpath = value;
        } else if ((value = value_of(line, "SUBSYSTEM"))) {
            ret_event->subsystem = value;
        } else if ((value = value_of(line, "MODALIAS"))) {
            ret_event->modalias = value;
        }
    }
    return 1;
}

void uevent_wait(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    (void)poll(&wait, 1, timeout_ms);
}
