/* SPDX-License-Identifier: BSD-2-Clause */
/* Boots the kernel with a command line of one's own, semihosting or not, and reads its TAP. */
#ifndef TESTS_BOOT_BOOT_GUEST_H
#define TESTS_BOOT_BOOT_GUEST_H

#include <stdbool.h>

struct boot {
    const char *machine; /* "virt,secure=on" */
    const char *cpu;
    const char *memory;
    const char *append;
    unsigned cpus;
    bool image;                   /* the raw image instead of the ELF */
    const char *device;           /* a -device of its own, or NULL */
    const char *accelerator;      /* "tcg,thread=single", or NULL for QEMU's choice */
    const char *const *arguments; /* more of them, up to a NULL; or NULL */
    bool no_semihosting;          /* output over the serial line alone, no exit status */
    unsigned deadline_ms;
    const char *last_words; /* when it has said them, it has LINGER_MS to end; or NULL */
};

struct boot_result {
    bool ended;   /* before the deadline */
    int status;   /* QEMU's exit status, when it ended */
    char *output; /* all it printed */
};

/* Runs until QEMU ends or the deadline passes; then it is killed. Free with boot_result_free. */
struct boot_result boot_run(const struct boot *boot);
void boot_result_free(struct boot_result *result);

/*
 * Whether the output is a whole TAP run (a plan, as many tests, all ok). If not, says why and
 * prints the last lines as TAP comments.
 */
bool boot_tap_passed(const struct boot_result *result, const char *name);

/* The last lines of the output as TAP comments: where a guest was when it hung. */
void boot_print_end(const struct boot_result *result);

#endif
