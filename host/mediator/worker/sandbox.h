/* SPDX-License-Identifier: BSD-2-Clause */
/* What a worker gives up before it reads the first byte from a guest. */
#ifndef MEDIATOR_SANDBOX_H
#define MEDIATOR_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Binds all threads of this process: no new privileges, no core files, and
 *   without CUDA: an allow-list of system calls (no files, no processes, no sockets, no new
 *     executable memory), no more address space than the session's memory and an overhead;
 *   with CUDA: the driver opens devices and starts threads, so only what it never needs is
 *     refused (programs, tracing, mounts, modules, keys, other users).
 * memfd: the worker makes sealed memory to hand out (a scanout).
 * 0, or -1 with errno: the worker must not go on.
 */
int sandbox_enter(bool cuda, uint64_t memory_limit, bool memfd);

/*
 * Before that, with one thread, for who needs no files: user, mount, IPC, network and UTS
 * namespaces of its own, no capability in any of them, and an empty root that cannot be written to.
 * 0, or -1 with errno where the system does not allow it; then there may be a part of it.
 */
int sandbox_isolate(void);

#endif
