/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel over a grid: blocks on host threads, each on one; the warps of a block in turns. */
#ifndef CUDA_CPU_DEVICE_LAUNCH_H
#define CUDA_CPU_DEVICE_LAUNCH_H

#include "host/cuda-cpu/device/heap.h"
#include "host/cuda-cpu/device/memory.h"
#include "host/cuda-cpu/device/pool.h"
#include "host/cuda-cpu/device/warp.h"

#define LAUNCH_STACK_SIZE 16384

struct launch {
    void (*kernel)(struct warp *warp);
    bool runs_block;    /* all warps of a block, one after the other; else it runs one */
    uint32_t kept_size; /* bytes that it uses for each of them */
    bool rests;         /* a warp lets others touch what lies beside what it does */
    uint32_t sites;
    const char *name;             /* the kernel's, for reports */
    const char *file;             /* of its PTX; NULL: it has no name */
    const struct places *places;  /* where its sites are; NULL: nothing says */
    const struct places *checked; /* NULL: its code tells no check of anything */
    uint32_t grid[3], block[3];
    uint64_t number;     /* %gridid */
    uint32_t processors; /* %nsmid; 0: one */
    const void *params;
    uint64_t param_size;
    uint64_t shared_size; /* bytes of a block, the dynamic ones too */
    uint64_t static_size; /* those that are not */
    uint64_t local_size;  /* bytes of a thread */
    bool is_deep;         /* calls, and what they take, have no known end: there are */
    uint64_t stack_size;  /* so many bytes of a thread for them; 0: LAUNCH_STACK_SIZE */
    uint32_t frame;       /* bytes of the host's stack for each */
    uint64_t frames;      /* and for all that are within each other, where that is known */
    unsigned char *const *variables;
    struct memory *memory;
    struct textures *textures;     /* NULL: there are none */
    const volatile uint32_t *stop; /* the kernel ends when it is not 0 */
    uint64_t limit_ns; /* of a host thread's processor time, after which it ends; 0: none */

    /* What threads print, from one host thread at a time. */
    void (*print)(void *context, const char *text);
    void *print_context;

    /* Nothing else runs on the device meanwhile: on one host thread atomics take no locks, but
     * those of .sys. */
    bool is_alone;
    uint32_t threads;  /* host threads that share the blocks; up to 1: the caller's alone */
    struct pool *pool; /* whose they are; NULL: the caller's alone, and nothing is kept */
    struct heap *heap; /* what kernels malloc from; NULL: there is none left */
    uint64_t seed;     /* of the order of blocks and warps; 0: as they are numbered */
    bool cooperative;  /* all blocks run at the same time, so that they may wait for each other */
};

/* Where a kernel went wrong. */
struct launch_fault {
    enum warp_fault fault;
    uint32_t site; /* where in the launch's places; WARP_NO_SITE: that is not known */
    uint64_t address;
    uint32_t size;
    bool write;
    uint32_t block[3], thread[3];
    char waits[256]; /* of a deadlock: who waits where */
};

enum launch_status { LAUNCH_OK, LAUNCH_FAULT, LAUNCH_DEADLOCK, LAUNCH_NO_MEMORY };

/* Bytes of a thread: those that code is known to take, or what there is. */
uint64_t launch_local_size(const struct launch *launch);

/*
 * Returns when all blocks are done. fault is set for LAUNCH_FAULT and LAUNCH_DEADLOCK: blocks
 * behind the one that went wrong stop at once, those before it run to their end, so that it is the
 * first one of all. Launches from several threads may share a pool.
 */
enum launch_status launch_run(const struct launch *launch, struct launch_fault *fault);

#endif
