/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_QEMU_MAIN_LOOP_H
#define FAKE_QEMU_MAIN_LOOP_H

static inline void *iohandler_get_aio_context(void)
{
    return 0;
}

/* The test has it. */
void qemu_set_fd_handler(int fd, void (*read)(void *), void (*write)(void *), void *opaque);

#endif
