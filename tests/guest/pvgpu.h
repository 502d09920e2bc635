/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of run=test-pvgpu. */
#ifndef TESTS_GUEST_PVGPU_H
#define TESTS_GUEST_PVGPU_H

#include "baregpu/pvgpu.h"
#include "firmware/apps/open/pvgpu.h"
#include "tests/guest/lib/tap.h"

extern struct bg_pvgpu gpu;

/* Scratch in the heap. */
#define SCRATCH_SIZE (4u << 20)
extern struct bg_pvgpu_memory scratch, scratch2;

/* A call went well, and what it queued too: waits for it. Tells what failed if not. */
bool expect_ok(int error, const char *what);

/* A call is accepted, and its command fails at the backend with this code; the ring goes on. */
bool expect_failure(int error, uint32_t code, uint32_t type, const char *what);

/* Bytes that depend on their place and on `seed`. */
void fill_pattern(void *bytes, size_t size, uint32_t seed);
bool is_pattern(const void *bytes, size_t size, uint32_t seed);
bool is_all(const void *bytes, size_t size, uint8_t value);

/* Reads a whole subresource into scratch2, which is overwritten before. False, after saying so,
 * when that fails. */
bool read_back(uint32_t id, uint32_t subresource, size_t size);

void test_pvgpu_resources(void);
void test_pvgpu_views(void);
void test_pvgpu_compute(void);
void test_pvgpu_interrupts(void); /* restarts */

#endif
