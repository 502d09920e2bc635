/* SPDX-License-Identifier: BSD-2-Clause */
/* What the words of an instruction say. */
#ifndef CUDA_CPU_PTX_INSTRUCTION_H
#define CUDA_CPU_PTX_INSTRUCTION_H

#include "host/cuda-cpu/ptx/module.h"

bool ptx_has_word(const struct ptx_instruction *instruction, enum ptx_word word);

/* The type of this index among its words; PTX_W_NONE: it has fewer. */
enum ptx_word ptx_type_word(const struct ptx_instruction *instruction, unsigned index);

/* Of 32 bits or more, with a sign, without one, or plain bits. */
bool ptx_is_long_integer(enum ptx_word type);

/* A register as it is: no part of it, and no offset. */
bool ptx_is_plain_register(const struct ptx_operand *operand);

/* 2, 4 or 8 of .v2, .v4 and .v8; 1 without them. */
unsigned ptx_vector_count(const struct ptx_instruction *instruction);

#endif
