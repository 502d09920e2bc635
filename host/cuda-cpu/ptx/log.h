/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a compilation has to say, as text for a person: a line each, "LINE:COLUMN: error: ...". Of
 * inputs that are linked (input.h) each line begins with the input's name, "NAME:", and has the
 * input's own line.
 */
#ifndef CUDA_CPU_PTX_LOG_H
#define CUDA_CPU_PTX_LOG_H

#include <stddef.h>

struct ptx_position {
    unsigned line, column; /* from 1; column in bytes */
};

/* Errors beyond this many are counted and not printed. */
#define PTX_LOG_ERRORS 20

/* What went wrong. */
enum ptx_error {
    PTX_ERROR_NONE,
    PTX_ERROR_INVALID,  /* the text says something that is wrong, or not supported */
    PTX_ERROR_VERSION,  /* .version or .target is newer than what is understood */
    PTX_ERROR_LIMIT,    /* more than is allowed of something */
    PTX_ERROR_MEMORY,   /* there was none */
    PTX_ERROR_TIME,     /* it took too long */
    PTX_ERROR_COMPILER, /* the compiler did not get to its end */
    PTX_ERROR_NO_COMPILER,
};

struct ptx_log {
    char *text; /* the caller's; NUL-terminated, cut off at its size */
    size_t size, used;
    unsigned errors;
    enum ptx_error error; /* the first one */
    const char *inputs;   /* the text that positions are in; NULL: it is one without a name */
    size_t inputs_length;
};

/* size > 0. */
void ptx_log_init(struct ptx_log *log, char *text, size_t size);

void ptx_log_error(struct ptx_log *log, struct ptx_position at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says where the names of inputs are: in a text that stays as long as positions in it are logged.
 */
void ptx_log_inputs(struct ptx_log *log, const char *text, size_t length);

/* "NAME:LINE:COLUMN", or without a name; a long one is cut. */
#define PTX_LOG_PLACE_SIZE 160
void ptx_log_place(const struct ptx_log *log, struct ptx_position at,
                   char place[PTX_LOG_PLACE_SIZE]);

/* Lines of another log, with so many errors. */
void ptx_log_append(struct ptx_log *log, const char *lines, unsigned errors);

/* What the next error is; without this word, PTX_ERROR_INVALID. */
void ptx_log_kind(struct ptx_log *log, enum ptx_error error);

#endif
