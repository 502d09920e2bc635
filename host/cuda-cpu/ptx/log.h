/* SPDX-License-Identifier: BSD-2-Clause */
/* What a compilation has to say, as text for a person: a line each, "LINE:COLUMN: error: ...". */
#ifndef CUDA_CPU_PTX_LOG_H
#define CUDA_CPU_PTX_LOG_H

#include <stddef.h>

struct ptx_position {
    unsigned line, column; /* from 1; column in bytes */
};

/* Errors beyond this many are counted and not printed. */
#define PTX_LOG_ERRORS 20

struct ptx_log {
    char *text; /* the caller's; NUL-terminated, cut off at its size */
    size_t size, used;
    unsigned errors;
};

/* size > 0. */
void ptx_log_init(struct ptx_log *log, char *text, size_t size);

void ptx_log_error(struct ptx_log *log, struct ptx_position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
