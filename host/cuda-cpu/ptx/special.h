/* SPDX-License-Identifier: BSD-2-Clause */
/* Special registers. PTX ISA, chapter 10. */
#ifndef CUDA_CPU_PTX_SPECIAL_H
#define CUDA_CPU_PTX_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "host/cuda-cpu/ptx/word.h"

enum ptx_special {
#define SPECIAL(name, text, type, components) PTX_SR_##name,
#include "host/cuda-cpu/ptx/specials.def"
#undef SPECIAL
    PTX_SPECIALS
};

/* PTX_SPECIALS: none. */
enum ptx_special ptx_special_find(const char *text, size_t length);

const char *ptx_special_name(enum ptx_special special);
enum ptx_word ptx_special_type(enum ptx_special special);

/* 4: .x, .y, .z and .w; 1: none of them. */
unsigned ptx_special_components(enum ptx_special special);

#endif
