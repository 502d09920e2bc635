/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other processes that connect: who a guest is the mediator takes from the process, so a test of
 * two guests needs two. Number 0 is the test itself; any other is started when first named, and
 * stays until the test ends.
 */
#ifndef TESTS_MEDIATOR_PROCESSES_H
#define TESTS_MEDIATOR_PROCESSES_H

#define PROCESSES_OTHERS 64u

/* A connection that this process made. */
int processes_connect(unsigned process, const char *path);

#endif
