/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/log.h"

#include <stdarg.h>
#include <stdio.h>

static void append(struct ptx_log *log, const char *format, va_list arguments)
{
    size_t left = log->size - log->used;
    int length = vsnprintf(log->text + log->used, left, format, arguments);

    if (length > 0) {
        log->used += (size_t)length < left ? (size_t)length : left - 1;
    }
}

static void print(struct ptx_log *log, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print(struct ptx_log *log, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    append(log, format, arguments);
    va_end(arguments);
}

void ptx_log_init(struct ptx_log *log, char *text, size_t size)
{
    *log = (struct ptx_log){.text = text, .size = size};
    text[0] = '\0';
}

void ptx_log_append(struct ptx_log *log, const char *lines, unsigned errors)
{
    if (log->error == PTX_ERROR_NONE) {
        log->error = PTX_ERROR_INVALID;
    }
    log->errors += errors;
    print(log, "%s", lines);
}

void ptx_log_kind(struct ptx_log *log, enum ptx_error error)
{
    if (!log->errors) {
        log->error = error;
    }
}

void ptx_log_error(struct ptx_log *log, struct ptx_position at, const char *format, ...)
{
    va_list arguments;

    if (log->error == PTX_ERROR_NONE) {
        log->error = PTX_ERROR_INVALID;
    }
    if (++log->errors > PTX_LOG_ERRORS) {
        if (log->errors == PTX_LOG_ERRORS + 1) {
            print(log, "%u:%u: more errors follow\n", at.line, at.column);
        }
        return;
    }
    print(log, "%u:%u: error: ", at.line, at.column);
    va_start(arguments, format);
    append(log, format, arguments);
    va_end(arguments);
    print(log, "\n");
}
