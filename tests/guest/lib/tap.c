/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/guest/lib/tap.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    unsigned planned;
    unsigned run;
    unsigned failed;
    bool bailed;
} tap;

void tap_plan(unsigned count)
{
    tap.planned = count;
    tap.run = 0;
    tap.failed = 0;
    tap.bailed = false;
    printf("TAP version 13\n");
    if (count > 0) {
        printf("1..%u\n", count);
    }
}

static bool tap_result(bool condition, const char *format, va_list arguments)
{
    tap.run++;
    if (!condition) {
        tap.failed++;
    }
    printf("%sok %u - ", condition ? "" : "not ", tap.run);
    vprintf(format, arguments);
    printf("\n");
    return condition;
}

bool tap_ok(bool condition, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tap_result(condition, format, arguments);
    va_end(arguments);
    return condition;
}

bool tap_equal(unsigned long long got, unsigned long long expected, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tap_result(got == expected, format, arguments);
    va_end(arguments);
    if (got != expected) {
        printf("#   got 0x%llx, expected 0x%llx\n", got, expected);
    }
    return got == expected;
}

void tap_skip(const char *reason, const char *format, ...)
{
    va_list arguments;

    tap.run++;
    printf("ok %u - ", tap.run);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf(" # SKIP %s\n", reason);
}

static void tap_comment(const char *prefix, const char *format, va_list arguments)
{
    printf("%s", prefix);
    vprintf(format, arguments);
    printf("\n");
}

void tap_diag(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    tap_comment("# ", format, arguments);
    va_end(arguments);
}

void tap_bail(const char *format, ...)
{
    va_list arguments;

    tap.bailed = true;
    va_start(arguments, format);
    tap_comment("Bail out! ", format, arguments);
    va_end(arguments);
}

int tap_done(void)
{
    if (tap.planned == 0) {
        printf("1..%u\n", tap.run);
    } else if (tap.run != tap.planned) {
        printf("# planned %u tests but ran %u\n", tap.planned, tap.run);
    }
    if (tap.failed > 0) {
        printf("# %u of %u tests failed\n", tap.failed, tap.run);
    }
    if (tap.bailed || tap.failed > 0) {
        return 1;
    }
    return tap.planned == 0 || tap.run == tap.planned ? 0 : 1;
}
