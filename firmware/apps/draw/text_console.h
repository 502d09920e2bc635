/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A terminal drawn into a canvas: UTF-8, wrapping and scrolling, and of ECMA-48's control sequences
 * those for colours (SGR), moving (CUU, CUD, CUF, CUB, CHA, VPA, CUP) and erasing (ED, EL). Knows
 * nothing of the GPU: what changed is told to a function.
 */
#ifndef FIRMWARE_APPS_DRAW_TEXT_CONSOLE_H
#define FIRMWARE_APPS_DRAW_TEXT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/apps/draw/draw.h"

#define TEXT_CONSOLE_PARAMETERS_MAX 16

struct text_console {
    struct canvas canvas;
    const struct font *font;
    /* Pixels that were drawn; may be NULL. */
    void (*damage)(void *context, int32_t x, int32_t y, int32_t width, int32_t height);
    void *context;
    int32_t columns, rows;
    int32_t column, row;  /* of the next character */
    bool is_wrap_pending; /* the last column was written: the next character wraps */
    draw_color color, background;
    bool is_bold, is_reverse;
    int8_t color_index; /* 0 to 7, for bold's brighter ones; -1: another colour */
    int32_t saved_column, saved_row;
    /* What is not complete yet. */
    uint8_t state;
    char pending[4]; /* of a UTF-8 character */
    uint8_t pending_count;
    bool is_private;
    uint32_t parameters[TEXT_CONSOLE_PARAMETERS_MAX];
    uint8_t parameter_count;
};

/* Clears the canvas. */
void text_console_init(struct text_console *console, const struct canvas *canvas,
                       const struct font *font);

/* Any bytes, in pieces of any size. */
void text_console_write(struct text_console *console, const char *text, size_t size);

#endif
