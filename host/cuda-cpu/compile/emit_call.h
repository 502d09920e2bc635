/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions as those know them that they call and that call them. */
#ifndef CUDA_CPU_COMPILE_EMIT_CALL_H
#define CUDA_CPU_COMPILE_EMIT_CALL_H

#include "host/cuda-cpu/compile/emitter.h"

/* At the function's start, what its calls and its stack take. */
void call_begin_frame(struct emitter *emitter);

/* Parameters of .reg, from the frame; and results, to it. */
void call_take_arguments(struct emitter *emitter);
void call_give_results(struct emitter *emitter);

/* A variable of .param or .local. */
bool call_is_in_frame(const struct ptx_operand *operand);

/* vprintf, malloc and so on, by name. */
void emit_system_call(struct emitter *emitter, const char *name);

#endif
