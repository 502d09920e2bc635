/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/console.h"

#include <string.h>

#include "firmware/platform/pl011.h"
#include "firmware/platform/semihosting.h"

static enum console_output console_output = CONSOLE_BOTH;

void console_select(enum console_output output)
{
    console_output = output;
}

void console_write(const char *text, size_t size)
{
    if (console_output & CONSOLE_PL011) {
        pl011_write(text, size);
    }
    if (!(console_output & CONSOLE_SEMIHOSTING)) {
        return;
    }
    while (size > 0) {
        size_t written = semihosting_write(text, size);

        if (written == 0) {
            return;
        }
        text += written;
        size -= written;
    }
}

static void (*console_mirror)(const char *text, size_t size);

void console_set_mirror(void (*mirror)(const char *text, size_t size))
{
    console_mirror = mirror;
}

/* What the mirror itself prints is not mirrored. */
void console_write_mirror(const char *text, size_t size)
{
    void (*mirror)(const char *text, size_t size) = console_mirror;

    if (mirror != NULL) {
        console_mirror = NULL;
        mirror(text, size);
        console_mirror = mirror;
    }
}

void console_put_string(const char *text)
{
    console_write(text, strlen(text));
}

void console_put_hex(uint64_t value, unsigned digits)
{
    char text[18] = "0x";

    if (digits > 16) {
        digits = 16;
    }
    for (unsigned i = 0; i < digits; i++) {
        text[2 + i] = "0123456789abcdef"[value >> 4 * (digits - 1 - i) & 15];
    }
    console_write(text, 2 + digits);
}

void console_put_decimal(uint64_t value)
{
    char text[20];
    size_t start = sizeof(text);

    do {
        text[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    console_write(text + start, sizeof(text) - start);
}
