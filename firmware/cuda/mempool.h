/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools of memory that is allocated in the order of streams (mempool.c). */
#ifndef FIRMWARE_CUDA_MEMPOOL_H
#define FIRMWARE_CUDA_MEMPOOL_H

#include "firmware/cuda/internal.h"

/* Memory of the range's pool is free again. NULL: it was of none, or of one that is gone. */
void cuda_mempool_give(CUmemoryPool handle, uint64_t size);

#endif
