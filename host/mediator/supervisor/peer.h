/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is at the other end of a connection, as the kernel says it: nothing in it comes from a
 * message, so no peer can be taken for another.
 */
#ifndef MEDIATOR_PEER_H
#define MEDIATOR_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peer {
    uid_t user;
    pid_t process;  /* that connected; 0: in a PID namespace that this process does not see */
    uint64_t start; /* when it started (proc(5), in ticks): process ids are used again. 0: it is
                     * gone, or not to be seen */
};

/* False when the kernel does not tell. */
bool peer_read(int connection, struct peer *peer);

bool peer_is_same(const struct peer *one, const struct peer *two);

#endif
