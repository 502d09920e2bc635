/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_QEMU_MAIN_LOOP_H
#define FAKE_QEMU_MAIN_LOOP_H

/* The test's own: it calls them when it likes. */
void qemu_set_fd_handler(int fd, void (*read)(void *), void (*write)(void *), void *opaque);

#endif
