/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptx/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/cuda-cpu/ptx/input.h"

#define INPUT_NAME_MAX 128 /* bytes of an input's name */

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

void ptx_log_inputs(struct ptx_log *log, const char *text, size_t length)
{
    log->inputs = text;
    log->inputs_length = length;
}

/* The input that a line of the whole text is in. */
static struct ptx_input find_input(const struct ptx_log *log, unsigned line)
{
    struct ptx_input input = {.line = 1}, next;
    struct ptx_inputs inputs;

    if (log->inputs == NULL) {
        return input;
    }
    ptx_inputs_init(&inputs, log->inputs, log->inputs_length);
    while (ptx_inputs_next(&inputs, &next) && next.line <= line) {
        input = next;
    }
    return input;
}

void ptx_log_place(const struct ptx_log *log, struct ptx_position at,
                   char place[PTX_LOG_PLACE_SIZE])
{
    const struct ptx_input input = find_input(log, at.line);
    int length = input.name_length < INPUT_NAME_MAX ? (int)input.name_length : INPUT_NAME_MAX;

    snprintf(place, PTX_LOG_PLACE_SIZE, "%.*s%s%u:%u", length, input.name != NULL ? input.name : "",
             input.name != NULL ? ":" : "", at.line - input.line + 1, at.column);
}

/* Whether the line that begins there, the last one, is there already. */
static bool is_repeated(const struct ptx_log *log, size_t start)
{
    const char *line = log->text + start;
    const char *found = *line != '\0' ? strstr(log->text, line) : line;

    while (found < line && found > log->text && found[-1] != '\n') {
        found = strstr(found + 1, line);
    }
    return found < line;
}

void ptx_log_error(struct ptx_log *log, struct ptx_position at, const char *format, ...)
{
    char place[PTX_LOG_PLACE_SIZE];
    size_t start = log->used;
    va_list arguments;

    if (log->error == PTX_ERROR_NONE) {
        log->error = PTX_ERROR_INVALID;
    }
    if (++log->errors > PTX_LOG_ERRORS + 1) {
        return;
    }
    ptx_log_place(log, at, place);
    if (log->errors == PTX_LOG_ERRORS + 1) {
        print(log, "%s: more errors follow\n", place);
        return;
    }
    print(log, "%s: error: ", place);
    va_start(arguments, format);
    append(log, format, arguments);
    va_end(arguments);
    print(log, "\n");
    if (is_repeated(log, start)) { /* an instruction has code for whole warps, and for others */
        log->text[start] = '\0';
        log->used = start;
        log->errors--;
    }
}
