/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools that memory is allocated from in the order of streams. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_MEMPOOL_H
#define CUDA_CPU_DRIVER_MEMPOOL_H

#include <stdint.h>

struct mempool;

/* So many bytes of it are in use, or are not any more. A pool that was destroyed goes with the
 * last of its memory. */
void mempool_take(struct mempool *pool, uint64_t size);
void mempool_give(struct mempool *pool, uint64_t size);

/* Before the library goes. */
void mempool_close(void);

#endif
