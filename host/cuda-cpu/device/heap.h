/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's heap: what kernels malloc and free. From any thread. */
#ifndef CUDA_CPU_DEVICE_HEAP_H
#define CUDA_CPU_DEVICE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap;

/* NULL: no memory. */
struct heap *heap_create(uint64_t size);
void heap_destroy(struct heap *heap);

/* 0: there is not so much. */
uint64_t heap_allocate(struct heap *heap, uint64_t size);

/* False: nothing was allocated there, or it was given back. */
bool heap_free(struct heap *heap, uint64_t address);

/* Whether all these bytes are of one allocation. */
bool heap_holds(struct heap *heap, uint64_t address, uint64_t size);

#endif
