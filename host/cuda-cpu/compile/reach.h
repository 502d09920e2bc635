/* SPDX-License-Identifier: BSD-2-Clause */
/* Which functions a kernel may call, and what their calls take. */
#ifndef CUDA_CPU_COMPILE_REACH_H
#define CUDA_CPU_COMPILE_REACH_H

#include "host/cuda-cpu/ptx/module.h"

struct reached {
    bool is_taken;   /* its address is */
    bool is_reached; /* what follows is found */
    bool is_on_path;
    uint64_t local_size; /* bytes of local memory, of what it calls too */
    uint32_t depth;      /* calls within each other */
};

struct reach {
    const struct ptx_module *module;
    struct reached *functions; /* of the module, by number */
    bool is_deep;              /* calls may be more within each other, and memory more */
    struct ptx_log *log;
};

/* False: no memory. */
bool reach_create(struct reach *reach, const struct ptx_module *module, struct ptx_log *log);
void reach_destroy(struct reach *reach);

/* Takes all functions out again. */
void reach_clear(struct reach *reach);

/* Adds a kernel, and what it may call. False: the log says why not. */
bool reach_add(struct reach *reach, const struct ptx_function *kernel);

/* A function's number in the module. */
size_t reach_number(const struct ptx_module *module, const struct ptx_function *function);

/* Of a call by address: a function that it may call, NULL: there is none; and whether it may call
 * this one. */
const struct ptx_function *reach_any(const struct reach *reach, const struct ptx_instruction *call);
bool reach_may_call(const struct reach *reach, const struct ptx_instruction *call, size_t number);

#define REACH_FRAME_ALIGN 16u

#endif
