/* SPDX-License-Identifier: BSD-2-Clause */
/* Test Anything Protocol for guest tests: one test at a time, on the boot CPU. */
#ifndef TESTS_GUEST_LIB_TAP_H
#define TESTS_GUEST_LIB_TAP_H

#include <stdbool.h>

/* Starts over. `count` 0: the plan is printed by tap_done. */
void tap_plan(unsigned count);

/* Prints "ok N - description" or "not ok N - description"; returns `condition`. */
bool tap_ok(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As tap_ok, and tells both values when they differ. */
bool tap_equal(unsigned long long got, unsigned long long expected, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A test that cannot be done here. */
void tap_skip(const char *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "# text": for the reader. */
void tap_diag(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "Bail out!": nothing further can be tested. */
void tap_bail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns the app's exit status: 0 if every test passed and as many ran as were planned, else 1. */
int tap_done(void);

#endif
