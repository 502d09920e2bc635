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

/* One side of copy_box. Pitches in bytes, whatever a box of one row or slice. */
struct backend_side {
    backend_address address;
    void *host; /* not NULL: host memory, in the place of address */
    uint64_t row_pitch, slice_pitch;
};

struct backend_box {
    uint64_t row_size; /* bytes; none of the three is 0 */
    uint64_t rows, slices;
};

/* Rows without gaps on both sides become one, then slices. */
static inline void backend_box_join(struct backend_box *box, const struct backend_side *dst,
                                    const struct backend_side *src)
{
    if (dst->row_pitch == box->row_size && src->row_pitch == box->row_size) {
        box->row_size *= box->rows;
        box->rows = 1;
        if (dst->slice_pitch == box->row_size && src->slice_pitch == box->row_size) {
            box->row_size *= box->slices;
            box->slices = 1;
        }
    }
}

struct backend_ops {
    const char *name;
    void (*close)(struct backend *backend);
    /* Makes the context that everything but get_info needs; NULL: nothing to make. */
    enum bg_compute_status (*prepare)(struct backend *backend);
    /* Fills everything except memory_limit and memory_used. Needs no lease. */
    enum bg_compute_status (*get_info)(struct backend *backend,
                                       struct bg_compute_device_info *info);
    /* The memory reads as zero. BG_COMPUTE_OUT_OF_MEMORY when there is none. */
    enum bg_compute_status (*memory_alloc)(struct backend *backend, uint64_t size,
                                           backend_address *address);
    enum bg_compute_status (*memory_free)(struct backend *backend, backend_address address,
                                          uint64_t size);
    /* The source may be reused on return, asynchronous or not, unless it was shared. */
    enum bg_compute_status (*copy_to_device)(struct backend *backend, backend_address dst,
                                             const void *src, uint64_t size, bool async);
    /* async: with a shared dst only. */
    enum bg_compute_status (*copy_from_device)(struct backend *backend, void *dst,
                                               backend_address src, uint64_t size, bool async);
    /* As memmove. */
    enum bg_compute_status (*copy_in_device)(struct backend *backend, backend_address dst,
                                             backend_address src, uint64_t size, bool async);
    /* c = a + b over device memory; c is a or b exactly or overlaps neither. */
    enum bg_compute_status (*vector_add)(struct backend *backend, enum bg_compute_element_type type,
                                         backend_address c, backend_address a, backend_address b,
                                         uint64_t count, bool async);
    /* The same over host memory, count at most BACKEND_HOST_VECTOR_MAX. */
    enum bg_compute_status (*vector_add_host)(struct backend *backend,
                                              enum bg_compute_element_type type, void *c,
                                              const void *a, const void *b, uint32_t count);
    /* Host memory that copies and operations may use in place from now on, without a copy between:
     * what they are to call it. It must stay until unshare. Needs the context. */
    enum bg_compute_status (*share)(struct backend *backend, void *memory, uint64_t size,
                                    backend_address *address);
    /* Waits for what was started. */
    void (*unshare)(struct backend *backend, void *memory);
    /* Rows of a box; neither side overlaps the other. */
    enum bg_compute_status (*copy_box)(struct backend *backend, const struct backend_side *dst,
                                       const struct backend_side *src,
                                       const struct backend_box *box, bool async);
    /* The texel of `size` bytes (1, 2, 4, 8 or 16), count times. */
    enum bg_compute_status (*fill)(struct backend *backend, backend_address dst, const void *texel,
                                   uint32_t size, uint64_t count, bool async);
    /* Waits for asynchronous work; its first error, once. */
    enum bg_compute_status (*synchronize)(struct backend *backend);
    /* Waits for asynchronous work and keeps its error for synchronize. */
    void (*finish)(struct backend *backend);
};

/* A mailbox carries fewer. */
#define BACKEND_HOST_VECTOR_MAX 256u

struct backend {
    const struct backend_ops *ops;
    /* Called between the pieces of what computes for long on the CPU, by the thread that does. What
     * was started has to be waited for before others may have the device. NULL: nobody else wants
     * it. */
    void (*give_way)(void *owner);
    void *owner;
    bool async_pending; /* asynchronous work was started and not waited for */
    bool lost;          /* nothing works any more: the session must end */
    char error[160];    /* what the last failure was, for the log */
};

/* What the CPU copies, fills or adds at once: well below the 10 ms after which others are to have
 * their turn, with a page fault for each page. */
#define BACKEND_PIECE (UINT64_C(4) << 20)

static inline void backend_give_way(struct backend *backend)
{
    if (backend->give_way != NULL) {
        backend->give_way(backend->owner);
    }
}

/* memmove in the host's memory, in pieces. */
void backend_move(struct backend *backend, void *dst, const void *src, uint64_t size);

/* NULL with a reason (cut at reason_size) when there is no such device. */
struct backend *backend_cpu_open(void);
struct backend *backend_cuda_open(int ordinal, char *reason, size_t reason_size);

/* Number of CUDA devices, 0 with a reason when there are none. Loads the driver. */
int backend_cuda_count(char *reason, size_t reason_size);

#endif
