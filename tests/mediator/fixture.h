/* SPDX-License-Identifier: BSD-2-Clause */
/* A mediator with one listener, for a test that starts its own: the setup and teardown. */
#ifndef TESTS_MEDIATOR_FIXTURE_H
#define TESTS_MEDIATOR_FIXTURE_H

extern struct process *mediator; /* NULL: not started */
extern char *path;               /* of its socket */

/* What goes wrong in the harness fails the test. */
int fixture_setup(void **state);

/* Ends the mediator. */
int fixture_teardown(void **state);

/* Starts it on the CPU, with a listener of this name for this device ("vgpu-stub", "pvgpu"), with
 * these further lines of configuration. */
void fixture_start(const char *name, const char *device, const char *keys);

#endif
