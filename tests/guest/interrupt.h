/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test_interrupt, in parts. All of it is compiled without floating-point registers, so that
 * every function here may be a handler (platform/interrupt.h).
 */
#ifndef TESTS_GUEST_INTERRUPT_H
#define TESTS_GUEST_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

#include "firmware/platform/interrupt.h"

#define TEST_WAIT_NS 10000000000ull /* what must come, comes before */

/* A handler's mark. */
struct test_count {
    uint32_t count;
    uint32_t cpu; /* that ran it last */
};
void test_count_one(void *context); /* a handler for it */
uint32_t test_count_get(const struct test_count *count);

/* Waits until the count is at least this; false: it did not come. */
bool test_count_reaches(const struct test_count *count, uint32_t least);

/* An SPI that no device uses: the n-th from the last. */
uint32_t test_free_spi(uint32_t n);

void test_interrupt_timers(void);
void test_interrupt_sleep(void);
void test_interrupt_cpus(void);
void test_interrupt_messages(void);
/* To each of the CPUs 0 to cpus - 1, which are running. Nothing where there are no messages. */
void test_interrupt_moved_message(uint32_t cpus);

#endif
