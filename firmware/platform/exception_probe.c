/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that may end in an exception; exception.c ends them. */
#include "firmware/platform/cpu.h"
#include "firmware/platform/exception.h"

int exception_probe_call(struct exception_probe *probe, void (*function)(void *), void *argument);

bool exception_probe(void (*function)(void *), void *argument, struct exception_record *record)
{
    struct cpu *cpu = cpu_current();
    struct exception_probe probe = {.outer = cpu->probe, .record = record};
    int faulted;

    __atomic_store_n(&cpu->probe, &probe, __ATOMIC_RELAXED);
    __asm__ volatile("" ::: "memory");
    faulted = exception_probe_call(&probe, function, argument);
    __asm__ volatile("" ::: "memory");
    __atomic_store_n(&cpu->probe, probe.outer, __ATOMIC_RELAXED);
    return faulted != 0;
}
