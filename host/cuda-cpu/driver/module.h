/* SPDX-License-Identifier: BSD-2-Clause */
/* Modules and their functions. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_MODULE_H
#define CUDA_CPU_DRIVER_MODULE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/cuda-cpu/driver/fatbin.h"
#include "host/cuda-cpu/driver/jit.h"
#include "host/cuda-cpu/driver/object.h"
#include "host/cuda-cpu/program/program.h"
#include "protocol/cuda.h"

struct context;
struct function_setup;
struct library;

struct function {
    struct object object;
    struct module *module;
    const struct program_kernel *kernel;
    int shared_max; /* bytes of dynamic shared memory that a launch may ask for */
    int carveout;   /* what CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT was set to */
    struct function_setup *setup; /* for cuLaunch, old_launch.c; NULL: nothing was set */
};

struct module {
    struct object object;
    struct module *next; /* of the context */
    struct context *context;
    const struct library *library; /* whose it is; NULL: a program loaded it */
    struct program *program;
    struct function *functions; /* of the program's kernels */
};

/* From an image of any kind; its size may be FATBIN_UNSIZED. Without the lock meanwhile. */
CUresult module_load(struct context *context, const void *image, size_t size,
                     const struct jit_options *jit, struct module **module);

/* A file's bytes, which the caller frees, and a zero. */
CUresult module_read_file(const char *path, char **image, size_t *size);

/* Waits for nothing. */
void module_destroy(struct module *module);

/* CUDA_ERROR_NOT_FOUND: there is none of this name. It is compiled. */
CUresult module_find_function(struct module *module, const char *name, struct function **function);

/* pointer, size: either may be NULL. */
CUresult module_find_variable(const struct module *module, const char *name, CUdeviceptr *pointer,
                              size_t *size);

/* The kernel's code, and what it takes, go into the launch. Compiles it when this is the first
 * time, without the lock; what is wrong is said on standard error. */
CUresult function_prepare(const struct function *function, struct launch *launch);

#endif
