/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/platform/console.h"

#include <stdarg.h>
#include <string.h>

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

static void put_string(const char *text)
{
    console_write(text, strlen(text));
}

/* `digits` at least. */
static void put_number(uint64_t value, unsigned base, unsigned digits)
{
    char text[20];
    size_t start = sizeof(text);

    while (value > 0 || sizeof(text) - start < digits) {
        text[--start] = "0123456789abcdef"[value % base];
        value /= base;
    }
    console_write(text + start, sizeof(text) - start);
}

void console_print(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    for (size_t plain; *format != '\0'; format += plain) {
        plain = strcspn(format, "%");
        console_write(format, plain);
        if (format[plain] == '\0') {
            break;
        }
        switch (format[plain + 1]) {
        case 's':
            put_string(va_arg(values, const char *));
            break;
        case 'u':
            put_number(va_arg(values, unsigned), 10, 1);
            break;
        default:
            put_string("0x");
            put_number(va_arg(values, uint64_t), 16, 16);
        }
        plain += 2;
    }
    va_end(values);
}
