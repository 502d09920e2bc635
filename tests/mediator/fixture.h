/* SPDX-License-Identifier: BSD-2-Clause */
/* A mediator for each test, or for a group of them: the setup and teardown. */
#ifndef TESTS_MEDIATOR_FIXTURE_H
#define TESTS_MEDIATOR_FIXTURE_H

#include <stdbool.h>

extern struct process *mediator; /* NULL: not started */
extern char *path;               /* where its first listener's socket is to be */

/* The mediator gets one processor, so that its CPU device has room for one lease; until the
 * teardown. */
extern bool fixture_on_one_cpu;

/* What goes wrong in the harness fails the test. */
int fixture_setup(void **state);

/* Ends the mediator. */
int fixture_teardown(void **state);

/* What is started from here on finds a GPU of tests/fake/gpu and its management library, by
 * LD_LIBRARY_PATH, which the test's teardown takes away. */
void fixture_use_fake_gpu(void);

/* Starts it on this backend, with this configuration. */
__attribute__((format(printf, 2, 3))) void fixture_start_with(const char *backend,
                                                              const char *format, ...);

/* Starts it on the CPU, with a listener of this name for this device ("vgpu-stub", "pvgpu"), with
 * these further lines of configuration. */
void fixture_start(const char *name, const char *device, const char *keys);

#endif
