/* SPDX-License-Identifier: BSD-2-Clause */
/* baregpu-ptxc: the compiler's process, which those who run kernels start. */
#define _GNU_SOURCE 1 /* close_range */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/cuda-cpu/ptxc/answer.h"
#include "host/cuda-cpu/process/server.h"
#include "host/cuda-cpu/process/wire.h"

int main(void)
{
    const struct server server = {answer_prepare, answer_request};
    int type;
    socklen_t size = sizeof(type);

    if (getsockopt(WIRE_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
        fputs("baregpu-ptxc compiles kernels for those who start it over a socket;\n"
              "baregpu-ptx compiles them for you.\n",
              stderr);
        return EXIT_FAILURE;
    }
    close_range(WIRE_SOCKET + 1, ~0u, 0); /* not all who start it say CLOEXEC to theirs */
    return chdir("/") == 0 ? server_run(WIRE_SOCKET, &server) : EXIT_FAILURE;
}
