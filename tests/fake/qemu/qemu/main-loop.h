/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FAKE_QEMU_QEMU_MAIN_LOOP_H
#define TESTS_FAKE_QEMU_QEMU_MAIN_LOOP_H

static inline void *iohandler_get_aio_context(void)
{
    return 0;
}

#endif
