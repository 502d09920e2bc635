/* SPDX-License-Identifier: BSD-2-Clause */
/* Work on several CPUs at the same time, for tests and benchmarks. Called on CPU 0. */
#ifndef TESTS_GUEST_LIB_SMP_H
#define TESTS_GUEST_LIB_SMP_H

#include <stdbool.h>
#include <stdint.h>

/* Turns all CPUs on that are off. Returns how many run, with this one, or a negative error. */
int smp_start(void);

/* Turns all others off. 0 or a negative error. */
int smp_stop(void);

/*
 * Calls function(cpu, context) on CPUs 0 to count - 1 at the same time and returns when all have
 * returned; false if they have not by the deadline, or could not be called.
 */
bool smp_run(uint32_t count, void (*function)(uint32_t cpu, void *context), void *context,
             uint64_t deadline_ns);

/* All zero at first: where CPUs wait for each other, again and again. */
struct smp_meeting {
    uint32_t arrived;
    uint32_t round;
};

/* Returns when `count` CPUs have called it. Spins: for CPUs that come at about the same time. */
void smp_meet(struct smp_meeting *meeting, uint32_t count);

/* The number that the bootargs give as key=, else `otherwise`. */
uint64_t smp_option(const char *key, uint64_t otherwise);

/* Small and quick; *state not 0. */
static inline uint32_t smp_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif
