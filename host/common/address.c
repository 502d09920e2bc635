/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* SOCK_CLOEXEC */
#include "host/common/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16
#define HOST_SIZE 64

static bool parse_path(const char *text, struct address *address)
{
    struct sockaddr_un *path = (struct sockaddr_un *)&address->socket;

    if (strlen(text) >= sizeof(path->sun_path)) {
        return false;
    }
    path->sun_family = AF_UNIX;
    strcpy(path->sun_path, text);
    address->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(text) + 1);
    return true;
}

static bool parse_port(const char *text, in_port_t *port)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    *port = htons((uint16_t)number);
    return text[0] >= '0' && text[0] <= '9' && !*end && number >= 1 && number <= 65535;
}

static bool set_ipv6(struct address *address, const char *host, in_port_t port)
{
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&address->socket;

    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = port;
    address->size = sizeof(*ipv6);
    return inet_pton(AF_INET6, host, &ipv6->sin6_addr) == 1;
}

static bool set_ipv4(struct address *address, const char *host, in_port_t port)
{
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)&address->socket;

    ipv4->sin_family = AF_INET;
    ipv4->sin_port = port;
    address->size = sizeof(*ipv4);
    return inet_pton(AF_INET, host, &ipv4->sin_addr) == 1;
}

bool address_parse(const char *text, struct address *address)
{
    const char *colon = strrchr(text, ':');
    char host[HOST_SIZE];
    size_t length;
    in_port_t port;

    memset(address, 0, sizeof(*address));
    if (text[0] == '/') {
        return parse_path(text, address);
    }
    if (colon == NULL || !parse_port(colon + 1, &port) ||
        (length = (size_t)(colon - text)) >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (length == 0) {
        return set_ipv6(address, "::", port);
    }
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        return set_ipv6(address, host + 1, port);
    }
    return set_ipv4(address, host, port);
}

int address_listen(const struct address *address)
{
    int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, on = 1, off = 0;
    int fd = socket(address->socket.ss_family, type, 0);

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->socket.ss_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, (const struct sockaddr *)&address->socket, address->size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}
