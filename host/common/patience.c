/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* SCHED_BATCH */
#include "host/common/patience.h"

#include <sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/clock.h"

#define LONGEST_SLICE_NS (100 * NS_PER_MS)

/* struct sched_attr, which not every C library has, and <linux/sched/types.h> has beside sched.h
 * only where that is so. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns, deadline_ns, period_ns; /* the first one: 0: the system's */
};

/* What it had of niceness it keeps. Without success nothing is lost but others' time. */
static void set(uint32_t policy, uint64_t slice_ns)
{
    struct attributes attributes = {.size = sizeof(attributes)};

    syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0);
    attributes.policy = policy;
    attributes.slice_ns = slice_ns;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void patience_begin(void)
{
    set(SCHED_BATCH, LONGEST_SLICE_NS);
}

void patience_end(void)
{
    set(SCHED_OTHER, 0);
}
