/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sharing (struct bg_hal_dma) that a driver cannot do without, on the host and in a guest: a device
 * gets a copy in memory of bg_hal_dma_alloc, and what is shared holds other bytes meanwhile. So one
 * that is told the CPU's address reads these, or writes what is found out and not kept. Each share
 * must be undone once, as it was done.
 */
#ifndef TESTS_FAKE_DMA_H
#define TESTS_FAKE_DMA_H

#include <stddef.h>

#include "baregpu/hal.h"

struct fake_dma {
    unsigned refuse; /* 1: the next share finds no memory, 2: the one after it, ... */
    /* To look at. */
    unsigned shared;     /* now */
    unsigned shares[2];  /* so far, by direction */
    unsigned violations; /* of the driver and the device: they are printed */
};

extern struct fake_dma fake_dma;

extern const struct bg_hal_dma fake_dma_bounce;            /* beside physical addresses */
extern const struct bg_hal_dma fake_dma_bounce_translated; /* behind an IOMMU */

#endif
