/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory that a guest's commands may touch: what it has allocated, variables of its modules
 * that it has asked for, and the heap. */
#ifndef MEDIATOR_CUDA_MEMORY_H
#define MEDIATOR_CUDA_MEMORY_H

#include "host/mediator/cuda/session.h"

/* Whether all of it lies in one range, or in the heap. */
bool cuda_memory_has(const struct cuda_session *cuda, uint64_t address, uint64_t size);

/* What the device calls this part of the heap; 0: it is not in the heap. */
uint64_t cuda_heap_address(const struct cuda_session *cuda, uint64_t offset, uint64_t size);

/* A variable of a module; one that is there already counts as added. CUDA_ERROR_OUT_OF_MEMORY. */
CUresult cuda_memory_add_variable(struct cuda_session *cuda, uint64_t address, uint64_t size,
                                  struct cuda_module *module);
/* All of the module's. */
void cuda_memory_remove_variables(struct cuda_session *cuda, const struct cuda_module *module);

/* Whether the guest may have it so; but for its stream. */
CUresult cuda_fill_check(const struct cuda_session *cuda, const struct bg_cuda_fill *fill);

/* Of the session's limit; waits for what leaves when there is not enough. */
CUresult cuda_memory_charge(struct cuda_session *cuda, uint64_t size);

/* No stream has work any more. */
void cuda_memory_destroy(struct cuda_session *cuda);

#endif
