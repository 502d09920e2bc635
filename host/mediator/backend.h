/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a worker computes on. One backend object serves one session and is used by one thread at
 * a time. Arguments are already checked: addresses and sizes lie within live allocations.
 */
#ifndef MEDIATOR_BACKEND_H
#define MEDIATOR_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/compute.h"

struct backend;

/* A device address; a host pointer on the CPU backend. 0 is none. */
typedef uint64_t backend_address;

struct backend_ops {
    const char *name;
    void (*close)(struct backend *backend);
    /* Makes the context that everything but get_info needs; NULL: nothing to make. */
    enum compute_status (*prepare)(struct backend *backend);
    /* Fills everything except memory_limit and memory_used. Needs no lease. */
    enum compute_status (*get_info)(struct backend *backend, struct compute_device_info *info);
    /* The memory reads as zero. COMPUTE_OUT_OF_MEMORY when there is none. */
    enum compute_status (*memory_alloc)(struct backend *backend, uint64_t size,
                                        backend_address *address);
    enum compute_status (*memory_free)(struct backend *backend, backend_address address,
                                       uint64_t size);
    /* The source may be reused on return, asynchronous or not. */
    enum compute_status (*copy_to_device)(struct backend *backend, backend_address dst,
                                          const void *src, uint64_t size, bool async);
    enum compute_status (*copy_from_device)(struct backend *backend, void *dst,
                                            backend_address src, uint64_t size);
    /* As memmove. */
    enum compute_status (*copy_in_device)(struct backend *backend, backend_address dst,
                                          backend_address src, uint64_t size, bool async);
    /* c = a + b over device memory; c is a or b exactly or overlaps neither. */
    enum compute_status (*vector_add)(struct backend *backend, enum compute_element_type type,
                                      backend_address c, backend_address a, backend_address b,
                                      uint64_t count, bool async);
    /* The same over host memory, count at most BACKEND_HOST_VECTOR_MAX. */
    enum compute_status (*vector_add_host)(struct backend *backend, enum compute_element_type type,
                                           void *c, const void *a, const void *b, uint32_t count);
    /* Waits for asynchronous work; its first error, once. */
    enum compute_status (*synchronize)(struct backend *backend);
    /* Waits for asynchronous work and keeps its error for synchronize. */
    void (*finish)(struct backend *backend);
};

/* A mailbox carries fewer. */
#define BACKEND_HOST_VECTOR_MAX 256u

struct backend {
    const struct backend_ops *ops;
    bool async_pending; /* asynchronous work was started and not waited for */
    bool lost;          /* nothing works any more: the session must end */
    char error[160];    /* what the last failure was, for the log */
};

/* NULL with a reason (cut at reason_size) when there is no such device. */
struct backend *backend_cpu_open(void);
struct backend *backend_cuda_open(int ordinal, char *reason, size_t reason_size);

/* Number of CUDA devices, 0 with a reason when there are none. Loads the driver. */
int backend_cuda_count(char *reason, size_t reason_size);

#endif
