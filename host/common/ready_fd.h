/* SPDX-License-Identifier: BSD-2-Clause */
/* --ready-fd: a descriptor that gets a line when all sockets listen. */
#ifndef COMMON_READY_FD_H
#define COMMON_READY_FD_H

#include <stdbool.h>

/* The option's text; false when it is no descriptor's number. */
bool ready_fd_parse(const char *text, int *fd);

/* Keeps it from this program's children; false with errno when it is not open. fd -1: none. */
bool ready_fd_claim(int fd);

/* Writes the line and closes it; false with errno when nobody got the line. fd -1: none. */
bool ready_fd_tell(int fd);

#endif
