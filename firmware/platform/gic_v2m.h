/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * v2m frames: a doorbell each, where the number of an SPI is written to raise it (Arm's Server Base
 * System Architecture, GICv2m). The caller holds a lock.
 */
#ifndef PLATFORM_GIC_V2M_H
#define PLATFORM_GIC_V2M_H

#include <stdbool.h>
#include <stdint.h>

#include "baregpu/hal.h"

/* As its_alloc, from the frame with this phandle; NOT_FOUND: there is none. */
int v2m_alloc(uint32_t phandle, unsigned count, bool is_block, struct bg_hal_msi *messages);
void v2m_free(uint32_t phandle, const struct bg_hal_msi *messages, unsigned count);

#endif
