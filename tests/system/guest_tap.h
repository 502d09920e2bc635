/* SPDX-License-Identifier: BSD-2-Clause */
/* Boots guest tests and looks at what they say. For cmocka tests: a failure leaves the test. */
#ifndef TESTS_SYSTEM_GUEST_TAP_H
#define TESTS_SYSTEM_GUEST_TAP_H

#include "harness_qemu.h"

/* TAP from cmocka, harness failures as test failures. Once, in main. */
void guest_tap_setup(void);

/*
 * Runs a guest test: exit status 0, a plan that was kept, no "not ok". Returns what was printed,
 * to be freed; on failure prints it.
 */
char *guest_tap_run(const struct guest_options *options);

/* Runs any guest and expects this exit status. Returns what was printed, to be freed. */
char *guest_expect(const struct guest_options *options, int status);

/* Fails, and prints the output, when the text is not there. */
void guest_expect_text(const char *output, const char *text);

#endif
