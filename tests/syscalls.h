/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest costs its QEMU in system calls, of all threads, counted by ptrace(2). The program
 * traces by starting itself once more in QEMU's place.
 */
#ifndef TESTS_SYSCALLS_H
#define TESTS_SYSCALLS_H

#include "harness_qemu.h"

struct syscalls {
    double sends, reads, waits, others; /* waits: ppoll() and the like */
    double empty_reads;                 /* nothing was there yet: how many depends on the peer */
    double locks;                       /* futex(): threads that met; depends on the machine */
};

/* To be called first in main(): does not return in the process that traces. */
void syscalls_begin(char **argv);

/*
 * What one request costs: two runs of the guest, with n=@few and n=@many behind @append, and the
 * difference.
 */
struct syscalls syscalls_of_request(const char *append, const char *arguments, unsigned few,
                                    unsigned many);

/* Without what depends on the machine. */
double syscalls_needed(const struct syscalls *calls);

#endif
