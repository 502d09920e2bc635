/* SPDX-License-Identifier: BSD-2-Clause */
/* Catches memory_panic: what memory/ calls when its caller broke the rules. */
#ifndef TESTS_UNIT_MEMORY_PANIC_H
#define TESTS_UNIT_MEMORY_PANIC_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/memory/pages.h"

static jmp_buf panic_return;
static bool panic_expected;
static const char *panic_what;

void memory_panic(const char *what, uint64_t address)
{
    if (!panic_expected) {
        print_error("memory_panic: %s: %#llx\n", what, (unsigned long long)address);
        abort();
    }
    panic_what = what;
    panic_expected = false;
    longjmp(panic_return, 1);
}

/* The statement ends in memory_panic with a message that contains `text`. Locks stay taken. */
#define assert_panics(statement, text)                                                             \
    do {                                                                                           \
        panic_expected = true;                                                                     \
        if (setjmp(panic_return) == 0) {                                                           \
            statement;                                                                             \
            fail_msg("no panic: %s", #statement);                                                  \
        }                                                                                          \
        if (!strstr(panic_what, text))                                                             \
            fail_msg("panic \"%s\" does not say \"%s\"", panic_what, text);                        \
    } while (0)

#endif
