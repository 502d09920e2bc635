/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reference interpreter of PTX: one thread, one instruction at a time, as the ISA describes it.
 * Tests compare what is compiled with what it says; it is slow, and meant to be obviously right.
 *
 * Global addresses are host pointers. Shared, local and parameter addresses are offsets in buffers
 * of the launch; cvta adds and subtracts where they begin. Blocks run one after the other, so a
 * block that waits for a later one reaches the step limit. Registers and memory that nobody wrote
 * are zero. What is undefined in the ISA has some value here: integers divided by zero are all
 * ones, the remainder is the dividend. NaN results are 0x7fffffff, 0x7ff8000000000000, and 0x7fff
 * for 16 bits; approximate functions are rounded from the C library's. Matrix products are summed
 * in double precision, in the order of k, and rounded once.
 */
#ifndef TESTS_MODELS_PTX_REFERENCE_H
#define TESTS_MODELS_PTX_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/ptx/module.h"

/* ---- Memory ---- */

struct reference_region {
    uint64_t address, size; /* address: the host's pointer */
    bool writable;
    bool heap; /* a kernel's malloc made it */
};

/* What kernels may touch, besides their own shared and local memory. Zeroed: nothing. */
struct reference_memory {
    struct reference_region *regions;
    size_t count, capacity;
};

/* Regions do not overlap; an access lies in one. What kernels took from the heap and did not give
 * back is freed with the memory. */
void reference_memory_add(struct reference_memory *memory, const void *start, size_t size,
                          bool writable);
void reference_memory_remove(struct reference_memory *memory, const void *start);
void reference_memory_free(struct reference_memory *memory);

/* ---- A module's variables ---- */

struct reference_module;

/* Places all variables of the module, which must stay; those of the global and constant space get
 * their initial values, and regions in the memory. */
struct reference_module *reference_module_create(const struct ptx_module *module,
                                                 struct reference_memory *memory);
void reference_module_destroy(struct reference_module *module);

/* A global or constant variable's bytes; NULL: there is none of this name. */
void *reference_module_variable(const struct reference_module *module, const char *name);

/* ---- Launches ---- */

enum reference_status {
    REFERENCE_OK,
    REFERENCE_ILLEGAL_ADDRESS,
    REFERENCE_MISALIGNED,
    REFERENCE_ILLEGAL_VALUE, /* no function to call, beyond a branch table, no such barrier */
    REFERENCE_TRAP,
    REFERENCE_ASSERT,
    REFERENCE_STACK_OVERFLOW,
    REFERENCE_UNSUPPORTED,
    REFERENCE_STEP_LIMIT,
    REFERENCE_DEADLOCK, /* all threads that are left wait */
};

const char *reference_status_text(enum reference_status status);

/* Where it happened. */
struct reference_fault {
    const struct ptx_function *function;
    size_t instruction; /* index in the function */
    unsigned thread[3], block[3];
    uint64_t address; /* that was accessed, or 0 */
};

struct reference_launch {
    const struct reference_module *module;
    struct reference_memory *memory; /* malloc adds to it */
    const struct ptx_function *kernel;
    unsigned grid[3], block[3];
    size_t dynamic_shared; /* bytes */
    const void *params;    /* kernel->param_size bytes, aligned to the kernel's widest access */
    size_t local_size;     /* bytes of local memory and stack of each thread; 0: 16 KiB */
    uint64_t step_limit;   /* instructions of all threads; 0: none */
    uint64_t seed;         /* 0: all threads in step; else: of the order of threads and turns */
    void (*print)(void *context, const char *text); /* vprintf, assertions; NULL: nowhere */
    void *context;
};

/* One at a time in a process. fault is set where the status is not REFERENCE_OK. */
enum reference_status reference_run(const struct reference_launch *launch,
                                    struct reference_fault *fault);

#endif
