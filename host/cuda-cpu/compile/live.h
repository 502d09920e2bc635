/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers that instructions read and set; and those that are read later on. */
#ifndef CUDA_CPU_COMPILE_LIVE_H
#define CUDA_CPU_COMPILE_LIVE_H

#include "host/cuda-cpu/compile/flow.h"

typedef void live_visit(void *context, uint32_t reg);

void live_visit_set(const struct ptx_instruction *instruction, live_visit *each, void *context);
void live_visit_read(const struct ptx_instruction *instruction, live_visit *each, void *context);

/* Of them, adds one to a set of bits in words of 64: a live_visit. */
void live_add(void *set, uint32_t reg);

bool live_is_set(const struct ptx_instruction *instruction, uint32_t reg);
bool live_is_read(const struct ptx_instruction *instruction, uint32_t reg);

/* Of each register, instructions that set it; the caller frees it. NULL: no memory. */
uint32_t *live_count_settings(const struct ptx_function *function);

/* The last instruction from the first one on and before another that sets a register; NULL: none
 * does. */
const struct ptx_instruction *live_last_setting(const struct ptx_instruction *first,
                                                const struct ptx_instruction *before, uint32_t reg);

/* Zeroed at first. */
struct live {
    uint64_t *sets; /* of each block: registers that may be read, from its start on, as they are */
    size_t words;   /* of a set */
};

/* Words of all sets. */
size_t live_size(const struct ptx_function *function, const struct flow *flow);

/* False: no memory. */
bool live_create(const struct ptx_function *function, const struct flow *flow, struct live *live);
void live_destroy(struct live *live);

bool live_has(const struct live *live, size_t block, uint32_t reg);

#endif
