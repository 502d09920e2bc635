/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules and their functions. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_MODULE_H
#define CUDA_CPU_DRIVER_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cuda-cpu/driver/object.h"
#include "host/cuda-cpu/program/program.h"
#include "protocol/cuda.h"

struct context;

struct function {
    struct object object;
    struct module *module;
    const struct program_kernel *kernel;
    int shared_max; /* bytes of dynamic shared memory that a launch may ask for */
};

struct module {
    struct object object;
    struct module *next; /* of the context */
    struct context *context;
    struct program *program;
    struct function *functions; /* of the program's kernels */
};

/* Waits for nothing. */
void module_destroy(struct module *module);

/* The kernel's code, and what it takes, go into the launch. Compiles it when this is the first
 * time, without the lock; what is wrong is said on standard error. */
CUresult function_prepare(const struct function *function, struct launch *launch);

#endif
