/* SPDX-License-Identifier: BSD-2-Clause */
/* How many descriptors this program has open: none may be lost. */
#ifndef TESTS_UNIT_MEDIATOR_DESCRIPTORS_H
#define TESTS_UNIT_MEDIATOR_DESCRIPTORS_H

#include <fcntl.h>

#define DESCRIPTORS_LOOKED_AT 256

static inline unsigned count_descriptors(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < DESCRIPTORS_LOOKED_AT; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

#endif
