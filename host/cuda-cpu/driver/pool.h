/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools that memory is allocated from in the order of streams. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_POOL_H
#define CUDA_CPU_DRIVER_POOL_H

#include <stdint.h>

struct pool;

/* So many bytes of it are in use, or are not any more. A pool that was destroyed goes with the
 * last of its memory. */
void pool_take(struct pool *pool, uint64_t size);
void pool_give(struct pool *pool, uint64_t size);

/* Before the library goes. */
void pool_close(void);

#endif
