/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows. */
#ifndef CUDA_CPU_COMPILE_TEXT_H
#define CUDA_CPU_COMPILE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed at first, but for the limit. bytes is NUL-terminated, or NULL while nothing was added. */
struct text {
    char *bytes;
    size_t used, size;
    size_t limit; /* bytes; 0: none */
    bool failed;  /* no memory, or more than the limit: what follows is left out */
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_list(struct text *text, const char *format, va_list arguments);
void text_free(struct text *text);

#endif
