/* SPDX-License-Identifier: BSD-2-Clause */
/* The compiler's process. */
#ifndef CUDA_CPU_PROCESS_SERVER_H
#define CUDA_CPU_PROCESS_SERVER_H

#include "host/cuda-cpu/ptxc/compiler.h"

/* Who answers; what the child does is all that it may. */
struct server {
    struct source (*prepare)(void); /* once, before the jail */
    bool (*answer)(const struct compile_request *request, struct compile_answer *answer,
                   struct ptx_log *log);
};

/*
 * Answers requests (wire.h) until the peer is gone. From its first byte on it is the same to it
 * what becomes of the peer's root. With the first request the process enters a jail, before it has
 * read anything of a text; each request is answered by a child of its own, under the request's
 * limits, so that no text finds anything of another one, nor outlives its time. A child is there
 * before its request; with the server it ends.
 *
 * Single-threaded. The exit status.
 */
int server_run(int socket, const struct server *server);

#endif
