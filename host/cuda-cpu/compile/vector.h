/* SPDX-License-Identifier: BSD-2-Clause */
/* Steps that most instructions are made of: IR over vectors of 32. */
#ifndef CUDA_CPU_COMPILE_VECTOR_H
#define CUDA_CPU_COMPILE_VECTOR_H

#include "host/cuda-cpu/compile/emitter.h"

/* The instruction's operand; its value as a type; and its result, operand 0, set. */
const struct ptx_operand *vector_operand(const struct emitter *emitter, unsigned index);
value vector_source(struct emitter *emitter, unsigned index, enum ptx_word type);
void vector_result(struct emitter *emitter, enum ptx_word type, value of);

bool vector_is_signed(enum ptx_word type);

/* The type of twice the bits, of the same sign. */
enum ptx_word vector_twice(enum ptx_word type);

/* "add" and so on of two; an intrinsic of two, "smax" and so on. */
value vector_binary(struct emitter *emitter, const char *what, enum ptx_word type, value a,
                    value b);
value vector_call2(struct emitter *emitter, const char *intrinsic, enum ptx_word type, value a,
                   value b);

/* "add" and so on of a value and a constant. */
value vector_with(struct emitter *emitter, const char *what, enum ptx_word type, value a,
                  uint64_t constant);

/* The same integer in all lanes, as wide as the type. */
value vector_constant(struct emitter *emitter, enum ptx_word type, uint64_t bits);

value vector_choose(struct emitter *emitter, enum ptx_word type, value condition, value yes,
                    value no);

/* Of integers: "eq", "slt" and so on. */
value vector_compare(struct emitter *emitter, const char *how, enum ptx_word type, value a,
                     value b);

/* By the sign of `type`; and back. */
value vector_widen(struct emitter *emitter, enum ptx_word type, enum ptx_word to, value from);
value vector_narrow(struct emitter *emitter, enum ptx_word from, enum ptx_word to, value wide);

/* A field of a word, of the sign that a type has. */
value vector_field(struct emitter *emitter, value word, unsigned at, unsigned bits,
                   enum ptx_word type);

/* The lower and the upper 16 bits of 32, and both together. */
value vector_lower(struct emitter *emitter, value pair);
value vector_upper(struct emitter *emitter, value pair);
value vector_pair(struct emitter *emitter, value lower, value upper);

#endif
