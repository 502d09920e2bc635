/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors 0 to 2. */
#ifndef COMMON_STANDARD_FDS_H
#define COMMON_STANDARD_FDS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Opens /dev/null as each of them that is closed, before the program opens anything: its own first
 * descriptors would be taken for them, and be written to, passed on or closed. -1 with errno. */
static inline int standard_fds_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* The lowest free number is fd: all below are open. */
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
            return -1;
        }
    }
    return 0;
}

/* For atexit(): what was printed, and could not be written, is a failure. */
static inline void standard_fds_finish(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("standard output");
        _exit(EXIT_FAILURE);
    }
}

#endif
