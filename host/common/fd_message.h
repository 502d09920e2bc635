/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes over a Unix socket, with descriptors (SCM_RIGHTS). Never blocks. */
#ifndef COMMON_FD_MESSAGE_H
#define COMMON_FD_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

#define FD_MESSAGE_DESCRIPTORS 16u

/* How many bytes the socket took; with the first of them `count` descriptors, at most
 * FD_MESSAGE_DESCRIPTORS, which stay the caller's. -1 with errno. */
ssize_t fd_message_send(int socket, const void *bytes, size_t size, const int *fds, unsigned count);

/*
 * How many bytes came; 0 at the end of the stream, or for an empty packet; -1 with errno, EMSGSIZE
 * for a packet longer than size.
 *
 * fds gets the first `capacity` descriptors that came along (at most FD_MESSAGE_DESCRIPTORS), and
 * -1 behind them. *count is their number: capacity + 1 when there were others, which are closed.
 * After 0 and -1 there is none.
 */
ssize_t fd_message_receive(int socket, void *bytes, size_t size, int *fds, unsigned capacity,
                           unsigned *count);

/* Closes what fd_message_receive put there. */
void fd_message_close(int *fds, unsigned capacity);

#endif
