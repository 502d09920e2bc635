/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous copies and mbarriers: PTX ISA 9.7.9.25 and 9.7.13.15. A copy is made at once, which
 * is one of the moments at which it may be made, so that nobody waits for it; for an mbarrier
 * kernels wait in loops. warp.h has what each does.
 */
#ifndef CUDA_CPU_DEVICE_ASYNC_H
#define CUDA_CPU_DEVICE_ASYNC_H

#include "host/cuda-cpu/device/warp.h"

void async_mbarrier(struct warp *warp, uint64_t *results, const uint64_t *addresses,
                    const uint64_t *operands, uint32_t mask, uint32_t operation, uint32_t site);
void async_copy(struct warp *warp, const uint64_t *to, const uint64_t *from, const uint64_t *sizes,
                uint32_t mask, uint32_t size, uint32_t site);
void async_copy_bulk(struct warp *warp, const uint64_t *to, const uint64_t *from,
                     const uint64_t *sizes, uint32_t mask, uint32_t site);
void async_reduce_bulk(struct warp *warp, const uint64_t *to, const uint64_t *from,
                       const uint64_t *sizes, uint32_t mask, uint32_t operation, uint32_t size,
                       uint32_t site);

#endif
