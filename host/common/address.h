/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a server listens, as text: "127.0.0.1:9400", "[::1]:9400", ":9400" or an absolute path. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address {
    struct sockaddr_storage socket; /* AF_INET, AF_INET6 (every address, of both, without a host) or
                                     * AF_UNIX */
    socklen_t size;
};

/* False: it is none. No name is looked up. */
bool address_parse(const char *text, struct address *address);

/* A listening TCP socket there, which does not block. -1 with errno. */
int address_listen(const struct address *address);

#endif
