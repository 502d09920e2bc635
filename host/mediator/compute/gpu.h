/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session computes on, through the CUDA driver API: an NVIDIA GPU, or the CUDA device on
 * the CPU. One context and one stream, so that everything happens in the order it was asked for.
 * One thread at a time. Arguments are already checked: addresses and sizes lie within live
 * allocations.
 *
 * What is long is done in pieces, between which others may have their turn.
 */
#ifndef MEDIATOR_GPU_H
#define MEDIATOR_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/compute/cuda_driver.h"
#include "protocol/compute.h"

/* A device address; 0 is none. */
typedef uint64_t gpu_address;

#define GPU_ERROR_SIZE 160

struct gpu {
    const struct cuda_driver *driver;
    struct bg_compute_device_info info; /* but memory_limit and memory_used */
    CUdevice device;
    CUcontext context; /* NULL until it is prepared */
    CUstream stream;
    CUfunction add_uint32, add_float32, fill;
    void *scratch; /* shared, for gpu_add_host */
    gpu_address scratch_address;
    CUresult async_error; /* of work waited for by gpu_finish; gpu_synchronize reports it */
    /* Called between pieces, by the thread that computes; what was started may be under way: it has
     * to be waited for before others may have the device. NULL: nobody else wants it. */
    void (*give_way)(void *owner);
    /* Called around a long wait in which this process computes nothing, by the thread that
     * computes: others may have the device until it ends. NULL: nobody else wants it. */
    void (*stand_aside)(void *owner, bool begins);
    void *owner;
    /* Where goes what kernels print, from any thread, with locks held; NULL: to standard error. */
    void (*say)(void *listener, const char *text, size_t length);
    void *listener;
    int printed; /* a descriptor that has it, without waiting, of a driver that has another way; or
                    0 */
    bool async_pending;         /* asynchronous work was started and not waited for */
    bool lost;                  /* nothing works any more: the session must end */
    char error[GPU_ERROR_SIZE]; /* what the last failure was, for the log */
    /* Bytes copied to the device and from it, written by the thread that computes; any may read. */
    uint64_t copied_in, copied_out;
};

/* One side of gpu_copy_box. Pitches in bytes, whatever a box of one row or slice. */
struct gpu_side {
    gpu_address address;
    void *host; /* not NULL: host memory, in the place of address */
    uint64_t row_pitch, slice_pitch;
};

struct gpu_box {
    uint64_t row_size; /* bytes; none of the three is 0 */
    uint64_t rows, slices;
};

/* A mailbox carries fewer. */
#define GPU_HOST_VECTOR_MAX 256u
#define GPU_SCRATCH_SIZE 4096u

/* A piece on the CPU: well below the 10 ms after which others are to have their turn, with a page
 * fault for each page. A GPU has more in the time. */
#define GPU_CPU_PIECE (UINT64_C(4) << 20)
#define GPU_PIECE (UINT64_C(64) << 20)

/* False with the error, when there is no such device. */
bool gpu_open(struct gpu *gpu, const struct cuda_driver *driver, int ordinal);

/* Makes the context that everything else needs, current to the calling thread. On the
 * CPU it may compile the kernels, and open files. */
enum bg_compute_status gpu_prepare(struct gpu *gpu);

/* To the calling thread, too. */
void gpu_make_current(const struct gpu *gpu);

/* The memory reads as zero. BG_COMPUTE_OUT_OF_MEMORY when there is none. */
enum bg_compute_status gpu_alloc(struct gpu *gpu, uint64_t size, gpu_address *address);
enum bg_compute_status gpu_free(struct gpu *gpu, gpu_address address, uint64_t size);

/* Host memory that copies and operations may use in place from now on, without a copy between: what
 * they are to call it. It must stay until unshare, which waits for what was started. */
enum bg_compute_status gpu_share(struct gpu *gpu, void *memory, uint64_t size,
                                 gpu_address *address);
void gpu_unshare(struct gpu *gpu, void *memory);

/* The source may be reused on return, asynchronous or not, unless it was shared. */
enum bg_compute_status gpu_copy_to(struct gpu *gpu, gpu_address dst, const void *src, uint64_t size,
                                   bool async);
/* async: with a shared dst only. */
enum bg_compute_status gpu_copy_from(struct gpu *gpu, void *dst, gpu_address src, uint64_t size,
                                     bool async);
/* As memmove. */
enum bg_compute_status gpu_copy_within(struct gpu *gpu, gpu_address dst, gpu_address src,
                                       uint64_t size, bool async);
/* Rows of a box; neither side overlaps the other, and one is the device's. */
enum bg_compute_status gpu_copy_box(struct gpu *gpu, const struct gpu_side *dst,
                                    const struct gpu_side *src, const struct gpu_box *box,
                                    bool async);

/* The texel of `size` bytes (1, 2, 4, 8 or 16), count times, at a multiple of its size. */
enum bg_compute_status gpu_fill(struct gpu *gpu, gpu_address dst, const void *texel, uint32_t size,
                                uint64_t count, bool async);

/* c = a + b over device memory; c is a or b exactly or overlaps neither. */
enum bg_compute_status gpu_add(struct gpu *gpu, enum bg_compute_element_type type, gpu_address c,
                               gpu_address a, gpu_address b, uint64_t count, bool async);
/* The same over host memory, count at most GPU_HOST_VECTOR_MAX. */
enum bg_compute_status gpu_add_host(struct gpu *gpu, enum bg_compute_element_type type, void *c,
                                    const void *a, const void *b, uint32_t count);

/* Waits for asynchronous work; its first error, once. */
enum bg_compute_status gpu_synchronize(struct gpu *gpu);
/* Waits for asynchronous work and keeps its error for gpu_synchronize. */
void gpu_finish(struct gpu *gpu);

/* memmove in the host's memory, in pieces. */
void gpu_move(struct gpu *gpu, void *dst, const void *src, uint64_t size);

/* Bytes. */
static inline uint64_t gpu_piece(const struct gpu *gpu)
{
    return gpu->driver->on_cpu ? GPU_CPU_PIECE : GPU_PIECE;
}

static inline void gpu_give_way(struct gpu *gpu)
{
    if (gpu->give_way != NULL) {
        gpu->give_way(gpu->owner);
    }
}

static inline void gpu_count_copy(uint64_t *count, uint64_t size)
{
    __atomic_store_n(count, *count + size, __ATOMIC_RELAXED);
}

/* ---- For gpu_*.c ---- */

/* Turns a driver's result into a status and keeps what happened for the log. */
enum bg_compute_status gpu_check(struct gpu *gpu, CUresult result, const char *what);

/* The end of an operation that was started: waits, unless the guest wants to go on. */
enum bg_compute_status gpu_complete(struct gpu *gpu, bool async, const char *what);

#endif
