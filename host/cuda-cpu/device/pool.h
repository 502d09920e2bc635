/* SPDX-License-Identifier: BSD-2-Clause */
/* Host threads that compute, and what is kept from launch to launch: stacks, memory of blocks. */
#ifndef CUDA_CPU_DEVICE_POOL_H
#define CUDA_CPU_DEVICE_POOL_H

#include <stdbool.h>

struct pool;
struct worker;

/* For so many threads beside those that call; may be 0. They are started when they are first
 * wanted, as many as there can be. NULL: no memory. */
struct pool *pool_create(unsigned helpers);

/* When nothing runs any more. */
void pool_destroy(struct pool *pool);

typedef void pool_function(void *context, struct worker *worker);

/* Calls the function here, and in up to `helpers` threads of the pool that are free; returns when
 * all calls have. From any thread, by several at once. False: no memory, and it was not called. */
bool pool_run(struct pool *pool, unsigned helpers, pool_function *function, void *context);

#endif
