/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef FAKE_QEMU_MAIN_LOOP_H
#define FAKE_QEMU_MAIN_LOOP_H

static inline void *iohandler_get_aio_context(void)
{
    return 0;
}

#endif
