/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/common/ready_fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define NUMBER_MAX 65535

bool ready_fd_parse(const char *text, int *fd)
{
    char *end;
    long number = strtol(text, &end, 10);

    *fd = (int)number;
    return *text && !*end && number >= 0 && number <= NUMBER_MAX;
}

bool ready_fd_claim(int fd)
{
    return fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool ready_fd_tell(int fd)
{
    static const char line[] = "ready\n";
    int error = 0;

    if (fd < 0) {
        return true;
    }
    if (write(fd, line, sizeof(line) - 1) < 0) {
        error = errno;
    }
    close(fd);
    errno = error;
    return error == 0;
}
