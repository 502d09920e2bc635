/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel over a grid: blocks one after the other, the warps of a block in turns. */
#ifndef CUDA_CPU_DEVICE_LAUNCH_H
#define CUDA_CPU_DEVICE_LAUNCH_H

#include "host/cuda-cpu/device/memory.h"
#include "host/cuda-cpu/device/warp.h"

struct launch {
    void (*kernel)(struct warp *warp);
    uint32_t sites;
    const char *name;             /* the kernel's, for reports */
    const char *file;             /* of its PTX; NULL: it has no name */
    const struct places *checked; /* NULL: its code tells no check of anything */
    uint32_t grid[3], block[3];
    const void *params;
    uint64_t param_size;
    uint64_t shared_size; /* bytes of a block, the dynamic ones too */
    uint64_t local_size;  /* bytes of a thread */
    unsigned char *const *variables;
    struct memory *memory;
    const volatile uint32_t *stop;                  /* the kernel ends when it is not 0 */
    void (*print)(void *context, const char *text); /* what threads print */
    void *print_context;
};

/* Where a kernel went wrong. */
struct launch_fault {
    enum warp_fault fault;
    uint32_t instruction; /* of a trap */
    uint64_t address;
    uint32_t size;
    bool write;
    uint32_t block[3], thread[3];
};

enum launch_status { LAUNCH_OK, LAUNCH_FAULT, LAUNCH_DEADLOCK, LAUNCH_NO_MEMORY };

/* Returns when all blocks are done. fault is set for LAUNCH_FAULT. */
enum launch_status launch_run(const struct launch *launch, struct launch_fault *fault);

#endif
