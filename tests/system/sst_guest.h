/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's test-sst with its simulator, for the tests of virtio-sst. */
#ifndef TESTS_SYSTEM_SST_GUEST_H
#define TESTS_SYSTEM_SST_GUEST_H

#include "guest_tap.h"

/* build/host/baregpu-sst-sim with these words; returns when its sockets listen. */
__attribute__((format(printf, 1, 2))) struct process *sst_simulator_start(const char *format, ...);

/* run=test-sst with these options: as guest_tap_run. */
void sst_guest_run(const char *options, const char *arguments, unsigned deadline_ms);

/* The same, while the host does something: with QMP, and not waited for. The device's id is sst
 * for sst_guest_wait_statistic. */
struct sst_guest {
    struct process *process;
    struct qemu qemu; /* for qmp_*() */
};

struct sst_guest *sst_guest_start(const char *options, const char *arguments, unsigned deadline_ms);

/* Until it has printed this. */
void sst_guest_wait(struct sst_guest *guest, const char *text);

/* Whether it has; looks a while. */
bool sst_guest_has_said(struct sst_guest *guest, const char *text);

void sst_guest_wait_statistic(struct sst_guest *guest, const char *name, int64_t value);

/* Waits for its end, which has to be good. */
void sst_guest_end(struct sst_guest *guest);

#endif
