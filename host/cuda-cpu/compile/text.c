/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *text, size_t more)
{
    size_t size = text->size ? text->size : 4096;
    char *bytes;

    while (size - text->used <= more) {
        size *= 2;
    }
    if (size == text->size) {
        return true;
    }
    bytes = text->limit && text->used > text->limit ? NULL : realloc(text->bytes, size);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->size = size;
    return true;
}

void text_add_list(struct text *text, const char *format, va_list arguments)
{
    va_list again;
    int length;

    if (text->failed || !reserve(text, 256)) {
        return;
    }
    va_copy(again, arguments);
    length = vsnprintf(text->bytes + text->used, text->size - text->used, format, arguments);
    if (length > 0 && (size_t)length >= text->size - text->used) {
        if (reserve(text, (size_t)length)) {
            vsnprintf(text->bytes + text->used, text->size - text->used, format, again);
        }
    }
    if (length > 0 && !text->failed) {
        text->used += (size_t)length;
    }
    va_end(again);
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_add_list(text, format, arguments);
    va_end(arguments);
}

void text_free(struct text *text)
{
    free(text->bytes);
    memset(text, 0, sizeof(*text));
}
