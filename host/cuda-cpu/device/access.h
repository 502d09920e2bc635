/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory accesses of a warp's lanes that are not done in line. warp.h has what each does. */
#ifndef CUDA_CPU_DEVICE_ACCESS_H
#define CUDA_CPU_DEVICE_ACCESS_H

#include "host/cuda-cpu/device/warp.h"

/* Whoever runs warps says what a lane may touch, and where the allocation around it begins and
 * ends; site: which access it is, or WARP_NO_SITE. When it faults it does not return. */
struct warp_site access_check(struct warp *warp, uint32_t lane, uint64_t address, uint32_t size,
                              bool write, uint32_t site);

/* What an atomic operation makes of an old value. */
uint64_t access_combine(uint32_t operation, uint64_t old, uint64_t b, uint64_t c);

void access_gather(struct warp *warp, void *values, const uint64_t *addresses, uint32_t mask,
                   uint32_t access, uint32_t site);
void access_scatter(struct warp *warp, const void *values, const uint64_t *addresses, uint32_t mask,
                    uint32_t access, uint32_t site);
void access_atomic(struct warp *warp, void *old, const uint64_t *addresses, const void *b,
                   const void *c, uint32_t mask, uint32_t operation, uint32_t site);

#endif
