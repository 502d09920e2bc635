/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/print.h"

#include <stdio.h>
#include <string.h>

#define SPECIFIER_MAX 64
#define FLAGS_MAX 16
#define NUMBER_MAX (PRINT_TEXT_MAX - 1)

struct printer {
    print_reader *read;
    void *context;
    uint64_t values;
    char *text;
    size_t used;
    int count;
};

static void put(struct printer *printer, const char *text, size_t length)
{
    size_t left = PRINT_TEXT_MAX - 1 - printer->used;

    length = length < left ? length : left;
    memcpy(printer->text + printer->used, text, length);
    printer->used += length;
    printer->text[printer->used] = '\0';
}

/* The next argument. What cannot be read is zero. */
static uint64_t take(struct printer *printer, size_t size)
{
    uint64_t value = 0;

    printer->values = (printer->values + size - 1) / size * size;
    printer->read(printer->context, printer->values, &value, size);
    printer->values += size;
    printer->count++;
    return value;
}

static bool read_text(struct printer *printer, uint64_t address, char text[PRINT_TEXT_MAX])
{
    for (size_t i = 0; i < PRINT_TEXT_MAX - 1; i++) {
        if (!printer->read(printer->context, address + i, &text[i], 1)) {
            return false;
        }
        if (text[i] == '\0') {
            return true;
        }
    }
    text[PRINT_TEXT_MAX - 1] = '\0';
    return true;
}

static void put_string(struct printer *printer, const char *specifier)
{
    char string[PRINT_TEXT_MAX], text[PRINT_TEXT_MAX];

    if (!read_text(printer, take(printer, 8), string)) {
        snprintf(string, sizeof(string), "(bad string)");
    }
    snprintf(text, sizeof(text), specifier, string);
    put(printer, text, strlen(text));
}

/* An integer of 4 or 8 bytes: the specifier gets "ll" before its last letter. */
static void put_integer(struct printer *printer, char *specifier, size_t length, bool is_long)
{
    char letter = specifier[length - 1], text[PRINT_TEXT_MAX];
    uint64_t value = take(printer, is_long ? 8 : 4);
    int64_t sign = is_long ? (int64_t)value : (int32_t)value;

    specifier[length - 1] = '\0';
    strcat(specifier, "ll");
    specifier[length + 1] = letter;
    specifier[length + 2] = '\0';
    snprintf(text, sizeof(text), specifier, letter == 'd' || letter == 'i' ? sign : (int64_t)value);
    put(printer, text, strlen(text));
}

static void put_double(struct printer *printer, const char *specifier)
{
    uint64_t bits = take(printer, 8);
    char text[PRINT_TEXT_MAX];
    double value;

    memcpy(&value, &bits, sizeof(value));
    snprintf(text, sizeof(text), specifier, value);
    put(printer, text, strlen(text));
}

/* A width or a precision: digits, an argument for a star, or none, which is 0. Text is no longer
 * than NUMBER_MAX, so that greater ones are the same. */
static const char *read_number(struct printer *printer, const char *format, int *number)
{
    *number = 0;
    if (*format == '*') {
        *number = (int32_t)take(printer, 4);
        format++;
    }
    while (*format >= '0' && *format <= '9') {
        *number = *number < NUMBER_MAX ? *number * 10 + *format - '0' : NUMBER_MAX;
        format++;
    }
    *number = *number > NUMBER_MAX ? NUMBER_MAX : *number;
    *number = *number < -NUMBER_MAX ? -NUMBER_MAX : *number;
    return format;
}

/* Flags, width and precision, without stars. A negative width is the flag - and a width, a negative
 * precision is none. */
static const char *read_layout(struct printer *printer, const char *format,
                               char specifier[SPECIFIER_MAX])
{
    size_t flags = strspn(format, "-+ #0");
    int number,
        length = sprintf(specifier, "%%%.*s", flags < FLAGS_MAX ? (int)flags : FLAGS_MAX, format);

    format = read_number(printer, format + flags, &number);
    if (number != 0) {
        length += sprintf(specifier + length, "%d", number);
    }
    if (*format != '.') {
        return format;
    }
    format = read_number(printer, format + 1, &number);
    if (number >= 0) {
        sprintf(specifier + length, ".%d", number);
    }
    return format;
}

/* The layout; then sizes, which are left out; then the letter. */
static const char *read_specifier(struct printer *printer, const char *format,
                                  char specifier[SPECIFIER_MAX], bool *is_long)
{
    format = read_layout(printer, format, specifier);
    *is_long = false;
    while (*format == 'h' || *format == 'l' || *format == 'z' || *format == 'j' || *format == 't') {
        *is_long = *is_long || *format != 'h';
        format++;
    }
    if (*format != '\0') {
        strncat(specifier, format++, 1);
    }
    return format;
}

static const char *put_specifier(struct printer *printer, const char *format)
{
    char specifier[SPECIFIER_MAX], text[32];
    const char *start = format - 1;
    bool is_long;
    size_t length;

    format = read_specifier(printer, format, specifier, &is_long);
    length = strlen(specifier);
    switch (specifier[length - 1]) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_integer(printer, specifier, length, is_long);
        break;
    case 'c':
        snprintf(text, sizeof(text), "%c", (int)take(printer, 4));
        put(printer, text, 1);
        break;
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case 'a':
    case 'A':
        put_double(printer, specifier);
        break;
    case 's':
        put_string(printer, specifier);
        break;
    case 'p':
        snprintf(text, sizeof(text), "0x%llx", (unsigned long long)take(printer, 8));
        put(printer, text, strlen(text));
        break;
    case '%':
        put(printer, "%", 1);
        break;
    default:
        put(printer, start, (size_t)(format - start));
    }
    return format;
}

int print_format(uint64_t format, uint64_t values, print_reader *read, void *context,
                 char text[PRINT_TEXT_MAX])
{
    struct printer printer = {.read = read, .context = context, .values = values, .text = text};
    char copy[PRINT_TEXT_MAX];
    const char *next = copy;

    text[0] = '\0';
    if (!read_text(&printer, format, copy)) {
        return -1;
    }
    while (*next != '\0') {
        size_t plain = strcspn(next, "%");

        put(&printer, next, plain);
        next += plain;
        if (*next == '%') {
            next = put_specifier(&printer, next + 1);
        }
    }
    return printer.count;
}
