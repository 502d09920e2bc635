/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several texts in one, to be linked: each begins with PTX_INPUT_MARK, its name and the end of a
 * line. A text that does not begin so is one input, without a name.
 */
#ifndef CUDA_CPU_PTX_INPUT_H
#define CUDA_CPU_PTX_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#define PTX_INPUT_MARK '\x1c' /* ASCII's file separator: no PTX has it */

struct ptx_input {
    const char *name; /* in the whole text; NULL: it has none */
    size_t name_length;
    const char *text;
    size_t length;
    unsigned line; /* in the whole text, where this one begins */
};

/* What is still to be read of the whole text. */
struct ptx_inputs {
    const char *next, *end;
    unsigned line;
};

void ptx_inputs_init(struct ptx_inputs *inputs, const char *text, size_t length);

/* False: there is no other one. There is a first one always. */
bool ptx_inputs_next(struct ptx_inputs *inputs, struct ptx_input *input);

#endif
