/* SPDX-License-Identifier: BSD-2-Clause */
/* What a screen is tested with: the guest draws it, and the host compares. */
#ifndef TESTS_GUEST_LIB_SCREEN_CONTENT_H
#define TESTS_GUEST_LIB_SCREEN_CONTENT_H

#include "firmware/apps/draw/draw.h"

/* A test pattern of one formula, different for each scanout and step: every pixel has its colour.
 */
uint32_t picture_pattern(uint32_t x, uint32_t y, uint32_t scanout, uint32_t step);
void picture_draw_pattern(const struct canvas *canvas, uint32_t scanout, uint32_t step);

/* What a console is tested with, line by line: more than a screen, with colours and UTF-8. */
#define PICTURE_CONSOLE_LINES 90u
#define PICTURE_CONSOLE_LINE_SIZE 256u
void picture_console_line(unsigned number, char line[PICTURE_CONSOLE_LINE_SIZE]);

#endif
