/* SPDX-License-Identifier: BSD-2-Clause */
/* PTX text as tokens. PTX ISA, chapter 4. */
#ifndef CUDA_CPU_PTX_LEXER_H
#define CUDA_CPU_PTX_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/ptx/log.h"

enum ptx_token_kind {
    PTX_T_END,
    PTX_T_NAME,   /* an identifier */
    PTX_T_DOT,    /* .word: a directive, or a word of an instruction; the text is without the dot */
    PTX_T_NUMBER, /* as written, suffix and all */
    PTX_T_STRING, /* without the quotes */
    PTX_T_SIGN,   /* one or two characters */
    PTX_T_BAD,    /* none of these: one byte; or, of no length, what does not end */
};

struct ptx_token {
    enum ptx_token_kind kind;
    const char *text; /* into the source */
    size_t length;
    struct ptx_position at;
};

struct ptx_lexer {
    const char *next, *end, *line_start;
    unsigned line;
};

/* line: the number of the first one. */
void ptx_lexer_init(struct ptx_lexer *lexer, const char *text, size_t length, unsigned line);

/* At the end of the text PTX_T_END, again and again. */
struct ptx_token ptx_lexer_next(struct ptx_lexer *lexer);

bool ptx_token_is(const struct ptx_token *token, enum ptx_token_kind kind, const char *text);

/* A number's value. Floats: those with a point, an exponent, 0f or 0d; 0f is a float's bits, the
 * others are a double's. False: malformed, or more than 64 bits. */
enum ptx_number_kind { PTX_INTEGER, PTX_UNSIGNED_INTEGER, PTX_FLOAT32, PTX_FLOAT64 };

bool ptx_number_value(const struct ptx_token *token, enum ptx_number_kind *kind, uint64_t *bits);

#endif
