/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that programs allocate or register: device pointers are the host's addresses. Under the
 * driver's lock. */
#ifndef CUDA_CPU_DRIVER_ALLOCATION_H
#define CUDA_CPU_DRIVER_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/cuda.h"

struct context;
struct mempool;

enum allocation_kind {
    ALLOCATION_DEVICE,
    ALLOCATION_MANAGED,
    ALLOCATION_ARRAY,      /* an array's own */
    ALLOCATION_HOST,       /* of the driver: cuMemHostAlloc */
    ALLOCATION_REGISTERED, /* the program's own */
};

struct allocation {
    uint64_t start, size;
    void *block; /* what the C library gave; NULL: it is the program's */
    enum allocation_kind kind;
    unsigned flags;
    struct context *context;
    struct mempool *pool; /* NULL: of none */
    bool is_going;        /* cuMemFreeAsync was called */
    bool is_hidden;       /* its turn came, but what is under way may be using it */
    uint64_t id;
};

/* The one that has this address; NULL: none. It moves when others come and go. */
struct allocation *allocation_find(uint64_t address);

/* The memory reads as zero. CUDA_ERROR_OUT_OF_MEMORY also when the device has no more. */
CUresult allocation_create(struct context *context, uint64_t size, enum allocation_kind kind,
                           unsigned flags, uint64_t *start);

/* Does not wait for kernels. */
void allocation_free(const struct allocation *allocation);

/* No kernel that starts from now on may use it, and nobody finds it, until it is freed by its id.
 * Nothing happens if it was freed with its context. */
void allocation_hide(struct allocation *allocation);
void allocation_free_hidden(uint64_t start, uint64_t id);

void allocation_free_all(const struct context *context);

#endif
