/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLB of an emulated CPU. QEMU's holds single pages, 256 of them at first, and one that it does
 * not hold costs as much time as copying it. It doubles when it is flushed nearly full, and shrinks
 * when it is flushed nearly empty: systems that have processes flush it all the time, this one does
 * it here.
 */
#ifndef FIRMWARE_PLATFORM_TLB_H
#define FIRMWARE_PLATFORM_TLB_H

#include <stddef.h>

/*
 * A program is about to go through these bytes again and again: makes the running CPU's TLB hold
 * all their pages, or as many as are worth it. Reads some of them. On a CPU of its own that is all
 * there is to it, a flush at each doubling; a size that was there once costs nothing more.
 */
void tlb_expect(const void *memory, size_t size);

#endif
